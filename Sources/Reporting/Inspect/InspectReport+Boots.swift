import Addresses
public import KernelImage

extension InspectReport {
  /// A way to start an image, who takes it, and what in the image says so.
  public struct BootWay: Sendable {
    public var way: String
    public var loaders: String
    public var because: String

    public init(_ way: String, _ loaders: String, because: String) {
      self.way = way
      self.loaders = loaders
      self.because = because
    }
  }

  /// How the image can be booted.
  public static func boots(_ ways: [BootWay]) -> Section {
    let columns: [Grid.Column] = [.init("way", "way"), .init("loaders", "taken by"), .init("because", "because")]
    return Section(
      "boots", title: "What can boot it",
      .grid(Grid(columns, rows: ways.map { [.text($0.way), .text($0.loaders), .text($0.because)] })))
  }

  /// The entries that a bzImage offers (Linux, Documentation/arch/x86/boot.rst).
  public static func bootWays(of image: BzImage, candidates: [Candidate]) -> [BootWay] {
    var ways: [BootWay] = []
    if image.setup.extendedLoadFlags.contains(.kernel64) {
      ways.append(BootWay("Linux 64-bit", "perch, kexec", because: "xloadflags has KERNEL_64"))
    }
    ways.append(
      BootWay(
        "Linux 16/32-bit", "QEMU -kernel, GRUB, SYSLINUX",
        because: "setup header of protocol \(image.setup.versionText)"))
    if let pe = candidates.first(where: { $0.kind == .pe || $0.kind == .unifiedKernelImage }) {
      ways.append(BootWay("EFI", "UEFI firmware, GRUB, systemd-boot", because: pe.reason))
    }
    return ways
  }

  /// The entries that an ELF kernel offers.
  ///
  /// - Parameter isPayload: whether it must be taken out of another image first.
  public static func bootWays(
    of elf: ELFFile, in bytes: RawSpan, candidates: [Candidate], isPayload: Bool
  ) -> [BootWay] {
    var ways: [BootWay] = []
    if !isPayload, elf.header.class == .bits64, elf.header.machine == .x86_64, !elf.loadSegments.isEmpty {
      ways.append(
        BootWay("x86-64 ELF entry", "perch", because: "e_entry is \(Hex.string(elf.header.entry.value))"))
    }
    let origin = isPayload ? ", once extracted" : ""
    if let entry = xenNote(.physicalEntry32, of: elf, in: bytes) {
      ways.append(
        BootWay(
          "PVH", "QEMU -kernel, Xen, Cloud Hypervisor, Firecracker", because: "note PHYS32_ENTRY \(entry)\(origin)"))
    }
    if let entry = xenNote(.entry, of: elf, in: bytes) {
      ways.append(BootWay("Xen PV", "Xen", because: "note ENTRY \(entry)\(origin)"))
    } else if elf.xenGuestText(in: bytes) != nil {
      ways.append(BootWay("Xen PV", "Xen", because: "section __xen_guest\(origin)"))
    }
    guard !isPayload else { return ways }
    for candidate in candidates {
      switch candidate.kind {
      case .multiboot1: ways.append(BootWay("Multiboot", "GRUB multiboot, QEMU -kernel", because: candidate.reason))
      case .multiboot2: ways.append(BootWay("Multiboot2", "GRUB multiboot2", because: candidate.reason))
      default: continue
      }
    }
    return ways
  }

  private static func xenNote(_ type: XenNoteType, of elf: ELFFile, in bytes: RawSpan) -> String? {
    guard let notes = try? elf.notes(in: bytes) else { return nil }
    for note in notes where note.isOwned(by: "Xen") && note.type == type.rawValue {
      return note.meaning(in: bytes)?.text ?? ""
    }
    return nil
  }
}
