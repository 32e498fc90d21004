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
    case .kexec: { Kexec.load($0, $1) }
    case .linuxLoader: { LinuxLoader.load($0, $1) }
    case .limine: { Limine.load($0, $1) }
    }
  }
}
