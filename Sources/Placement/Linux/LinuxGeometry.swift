import AddressSpace
import Addresses
import KernelImage

/// The measures of a Linux kernel image that placement depends on, checked.
struct LinuxGeometry {
  /// `__START_KERNEL_map`: link addresses are physical link addresses above this (`arch/x86/include/asm/page_64_types.h`).
  static let startKernelMap: UInt64 = 0xffff_ffff_8000_0000
  /// The window that the kernel's own tables cover when it was built with RANDOMIZE_BASE.
  static let kernelImageSize: UInt64 = 1 << 30
  /// `startup_64` stops when the image is not aligned to a page-middle-directory entry (`arch/x86/kernel/head64.c`).
  static let hardwareAlignment = Alignment.page2MiB

  /// PT_LOAD segments with memory, by `p_paddr`.
  var segments: [ProgramHeader]
  /// `LOAD_PHYSICAL_ADDR`: the lowest `p_paddr`.
  var linkPhysical: UInt64
  /// From the first byte of text to the last of bss and brk.
  var span: ByteCount
  /// What must be usable memory behind the start: the image, or more when the setup header's `init_size` says so.
  var room: ByteCount
  /// What KASLR reckons with: the larger of the image and its unpacked file, in whole 2 MiB.
  var randomizedSize: UInt64
  /// The step of physical and virtual places (`CONFIG_PHYSICAL_ALIGN`).
  var alignment: Alignment
  /// `e_entry` as a distance from the first byte.
  var entryOffset: UInt64
  /// The first address that a slot may not reach: 4 GiB without XLF_CAN_BE_LOADED_ABOVE_4G, else MAXMEM of four levels.
  var limit: UInt64

  init(_ image: LinuxImage) throws(PlanError) {
    let header = image.elf.header
    guard header.class == .bits64, header.byteOrder == .little, header.machine == .x86_64 else {
      throw PlanError(
        .wrongImage,
        "e_machine (offset 0x12) is \(header.machine.rawValue): the 64-bit boot protocol needs an ELF64 for x86-64 (62)"
      )
    }
    try Self.checkEntryProtocol(image.setup)
    segments = try PerchLoader.loadable(image.elf)
    segments.sort { $0.physicalAddress < $1.physicalAddress }
    let first = segments[0]
    linkPhysical = first.physicalAddress
    span = try Self.measure(segments)
    alignment = try Self.alignment(of: image.setup)
    guard linkPhysical & Self.hardwareAlignment.mask == 0 else {
      throw PlanError(
        .misaligned,
        "\(first.place): p_paddr \(hex: linkPhysical) is no multiple of 2 MiB, as startup_64 demands")
    }
    let initSize = ByteCount(UInt64(image.setup?.initSize ?? 0))
    guard let room = max(span, initSize).alignedUp(to: .page4KiB),
      let size = max(span, image.unpackedSize).alignedUp(to: .page2MiB)
    else { throw PlanError(.noRoom, "the image's span \(hex: span) does not fit 64 bits when aligned") }
    self.room = room
    randomizedSize = size.value
    entryOffset = try Self.entryOffset(header.entry.value, from: linkPhysical, span: span)
    let above4GiB = image.setup?.extendedLoadFlags.contains(.canBeLoadedAbove4GiB) ?? true
    limit = above4GiB ? 1 << 46 : 1 << 32
  }

  private static func checkEntryProtocol(_ setup: SetupHeader?) throws(PlanError) {
    guard let setup else { return }
    guard setup.version >= 0x20c else {
      throw PlanError(
        .noEntry64,
        "setup header: version (offset 0x206) is \(hex: UInt64(setup.version)); the 64-bit entry needs 0x20c or later",
        help: "boot it through its 16-bit or 32-bit entry with another loader")
    }
    guard setup.extendedLoadFlags.contains(.kernel64) else {
      throw PlanError(
        .noEntry64,
        "setup header: xloadflags (offset 0x236) is \(hex: UInt64(setup.extendedLoadFlags.rawValue)): XLF_KERNEL_64 is clear",
        help: "a 32-bit kernel; boot it through its 32-bit entry with another loader")
    }
  }

  private static func measure(_ segments: [ProgramHeader]) throws(PlanError) -> ByteCount {
    var end = segments[0].physicalAddress
    for (position, segment) in segments.enumerated() {
      guard position == 0 || segment.physicalAddress >= end else {
        throw PlanError(
          .overlap,
          """
          \(segment.place): p_paddr \(hex: segment.physicalAddress) lies inside program header \
          \(segments[position - 1].index), which reaches \(hex: end)
          """)
      }
      let (sum, overflow) = segment.physicalAddress.addingReportingOverflow(segment.memorySize.value)
      guard !overflow, sum <= PagingMode.x86_64FourLevel.greatestPhysicalAddress else {
        throw PlanError(
          .notUsable,
          """
          \(segment.place): p_paddr \(hex: segment.physicalAddress) + p_memsz \
          \(hex: segment.memorySize) exceeds 52-bit physical memory
          """)
      }
      end = sum
    }
    return ByteCount(end - segments[0].physicalAddress)
  }

  private static func alignment(of setup: SetupHeader?) throws(PlanError) -> Alignment {
    guard let wanted = setup?.kernelAlignment else { return hardwareAlignment }
    guard let alignment = Alignment(UInt64(wanted)) else {
      throw PlanError(
        .badRequest, "setup header: kernel_alignment (offset 0x230) is \(hex: UInt64(wanted)), no power of two")
    }
    return max(alignment, hardwareAlignment)
  }

  /// `e_entry` is a physical link address; old images hold a virtual one, which is the same distance into the image.
  private static func entryOffset(
    _ entry: UInt64, from linkPhysical: UInt64, span: ByteCount
  ) throws(PlanError) -> UInt64 {
    let physical = entry >= startKernelMap ? entry - startKernelMap : entry
    guard physical >= linkPhysical, physical - linkPhysical < span.value else {
      throw PlanError(
        .wrongImage,
        "e_entry (offset 0x18) \(hex: entry) lies outside the image, which is linked at physical \(hex: linkPhysical) and spans \(hex: span)"
      )
    }
    return physical - linkPhysical
  }
}
