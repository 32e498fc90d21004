import BootProtocols
import KernelImage
public import Placement

extension LoaderName {
  /// Whether an image asks for this loader: it carries the header, the note or the tag of the loader's protocol, or is of
  /// the processor that the loader is for. A refusal by any other loader is no fault of the image.
  public func isAddressed(by image: RawSpan) -> Bool {
    let kinds = sniff(image).map { $0.kind }
    switch self {
    case .perch:
      return kinds.contains(.bzImage) || Self.isELF(image, for: .x86_64) || Self.isELF(image, for: .i386)
    case .grubMultiboot: return kinds.contains(.multiboot1)
    // QEMU takes the first that fits: Linux, Multiboot, PVH (hw/i386/x86.c, x86_load_linux).
    case .qemuMultiboot: return kinds.contains(.multiboot1) && !kinds.contains(.bzImage) && !kinds.contains(.zImage)
    case .qemuPVH: return !kinds.contains(.multiboot1) && Self.hasXenNote(.physicalEntry32, in: image)
    case .grubMultiboot2: return kinds.contains(.multiboot2)
    case .qemuLinux: return kinds.contains(.bzImage) || kinds.contains(.zImage)
    case .kexec: return kinds.contains { $0 == .bzImage || $0 == .multiboot1 || $0 == .multiboot2 }
    case .arm64Image, .firecrackerAArch64, .cloudHypervisorAArch64: return kinds.contains(.arm64Image)
    case .riscvImage, .cloudHypervisorRISCV: return kinds.contains(.riscvImage)
    case .qemuAArch64: return kinds.contains(.arm64Image) || Self.isELF(image, for: .aarch64)
    case .qemuRISCV: return kinds.contains(.riscvImage) || Self.isELF(image, for: .riscv)
    case .xenPVH, .xenPVHDomU: return Self.hasXenNote(.physicalEntry32, in: image)
    case .firecracker, .cloudHypervisor:
      return kinds.contains(.bzImage) || Self.hasXenNote(.physicalEntry32, in: image)
    case .osvLow: return OSv.Layout.low.isLinked(image)
    case .osvHigh: return OSv.Layout.high.isLinked(image)
    case .xenPV, .xenPV2006August, .xenDomU, .xenDomU2006August:
      return Self.hasXenNote(.entry, in: image) || Self.hasXenGuest(image)
    // ELF notes came with Xen 3.0.4 (xen/common/elf.c, commit b543b44c65; tools/libxc/xc_load_elf.c, 15d8f355a2).
    case .xenPV2006March, .xenPV2006May11, .xenPV2006May21, .xenDomU2006March, .xenDomU2006May11, .xenDomU2006May21:
      return Self.hasXenGuest(image)
    case .limine: return Self.hasLimineRequest(image)
    case .linuxDecompressor: return (try? ELFFile(parsing: image)).map { LinuxImage.recognises($0) } ?? false
    }
  }

  private static func isELF(_ image: RawSpan, for machine: Machine) -> Bool {
    let header = LenientELF(image)
    return header.hasMagic && header.machine == UInt64(machine.rawValue)
  }

  private static func hasXenGuest(_ image: RawSpan) -> Bool {
    guard let elf = try? ELFFile(parsing: image) else { return false }
    return elf.section(named: "__xen_guest", in: image) != nil
  }

  /// Looks without the checks of a parser: an image that is broken elsewhere still asks for its loader.
  private static func hasXenNote(_ type: XenNoteType, in image: RawSpan) -> Bool {
    let header = LenientELF(image)
    guard header.hasMagic, let table = header.programHeaderOffset, let stride = header.programHeaderEntrySize else {
      return false
    }
    let count = LenientELF.entries(header.programHeaderCount ?? 0, at: table, stride: stride, in: image)
    // All segments together are searched for at most as many notes as Xen reads.
    var budget = 65_536
    for index in 0..<count {
      guard let segment = header.segment(index, in: image), segment.type == UInt64(SegmentType.note.rawValue) else {
        continue
      }
      if hasXenNote(type, from: segment.offset, count: segment.fileSize, budget: &budget, in: image) { return true }
    }
    return false
  }

  private static func hasXenNote(
    _ type: XenNoteType, from offset: UInt64, count: UInt64, budget: inout Int, in image: RawSpan
  ) -> Bool {
    let size = UInt64(image.byteCount)
    guard offset < size else { return false }
    let end = offset + min(count, size - offset)
    var place = offset
    while budget > 0, place < end, let name = image.load(UInt32.self, at: place),
      let descriptor = image.load(UInt32.self, at: place + 4), let found = image.load(UInt32.self, at: place + 8)
    {
      budget -= 1
      if found == type.rawValue, name == 4, image.spells("Xen\0", at: place + 12) { return true }
      // Both sizes have 32 bits and the place lies in the file: the sum fits.
      place += 12 + (UInt64(name) + 3) & ~3 + (UInt64(descriptor) + 3) & ~3
    }
    return false
  }

  /// The common magic of requests, or the base revision tag, at a multiple of 8 (Limine, PROTOCOL.md).
  private static func hasLimineRequest(_ image: RawSpan) -> Bool {
    guard LenientELF(image).hasMagic else { return false }
    let size = UInt64(image.byteCount)
    var place: UInt64 = 0
    while size - place >= 16 {
      let word = image.load(UInt64.self, at: place)
      if word == 0xc7b1_dd30_df4c_8b88, image.load(UInt64.self, at: place + 8) == 0x0a82_e883_a194_f07b { return true }
      if word == 0xf956_2b2d_5c95_a6c8, image.load(UInt64.self, at: place + 8) == 0x6a7b_3849_4453_6bdc { return true }
      place += 8
    }
    return false
  }
}
