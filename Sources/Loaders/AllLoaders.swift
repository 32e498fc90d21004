public import Placement

/// The models by name.
extension LoaderName {
  /// A model is a function of nothing but the image and the request.
  public typealias Model = (RawSpan, LoaderRequest) -> LoaderOutcome

  /// What this loader does with an image on a machine.
  public var model: Model {
    switch self {
    case .perch: { PerchLoader.load($0, $1) }
    case .grubMultiboot: GRUB.multiboot
    case .grubMultiboot2: GRUB.multiboot2
    case .qemuMultiboot: QEMU.multiboot
    case .qemuPVH: QEMU.pvh
    case .qemuLinux: QEMU.linux
    case .qemuAArch64: QEMU.aarch64
    case .qemuRISCV: QEMU.riscv64
    case .xenPV: { XenPV.load($0, $1, rules: .modern) }
    case .xenPV2006March: { XenPV.load($0, $1, rules: .march2006) }
    case .xenPV2006May11: { XenPV.load($0, $1, rules: .may11) }
    case .xenPV2006May21: { XenPV.load($0, $1, rules: .may21) }
    case .xenPV2006August: { XenPV.load($0, $1, rules: .august) }
    case .xenDomU: { XenDomU.load($0, $1) }
    case .xenDomU2006March: { XenDomU.load($0, $1, rules: .march2006) }
    case .xenDomU2006May11: { XenDomU.load($0, $1, rules: .may11) }
    case .xenDomU2006May21: { XenDomU.load($0, $1, rules: .may21) }
    case .xenDomU2006August: { XenDomU.load($0, $1, rules: .august) }
    case .xenPVH: { XenPVH.load($0, $1) }
    case .xenPVHDomU: { XenPVH.domU($0, $1) }
    case .kexec: { Kexec.load($0, $1) }
    case .firecracker: { LinuxLoader.load($0, $1, monitor: .firecracker) }
    case .cloudHypervisor: { LinuxLoader.load($0, $1, monitor: .cloudHypervisor) }
    case .firecrackerAArch64: { LinuxLoader.loadImage($0, $1, monitor: .firecrackerAArch64) }
    case .cloudHypervisorAArch64: { LinuxLoader.loadImage($0, $1, monitor: .cloudHypervisorAArch64) }
    case .cloudHypervisorRISCV: { LinuxLoader.loadImage($0, $1, monitor: .cloudHypervisorRISCV) }
    case .limine: { Limine.load($0, $1) }
    case .osvLow: { OSv.load($0, $1, layout: .low) }
    case .osvHigh: { OSv.load($0, $1, layout: .high) }
    case .arm64Image: { ImageBootRules.arm64($0, $1) }
    case .riscvImage: { ImageBootRules.riscv64($0, $1) }
    case .linuxDecompressor: Self.decompressor
    }
  }

  /// The setup header of the bzImage says what the payload cannot.
  private static func decompressor(_ payload: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    guard let setup = request.setup else { return Decompressor.load(payload, request) }
    return Decompressor.load(payload, setup: .init(qemu: request, header: setup.header), request)
  }
}
