import BootProtocols
import KernelImage
import Placement

extension GRUBLoad {
  /// Loads an ELF file of either class (grub-core/loader/multiboot_elfxx.c).
  mutating func elf(_ image: RawSpan) throws(GRUBStop) {
    let file = LenientELF(image)
    try Self.checkIdentity(file)
    let segments = try programHeaders(of: file, image)
    var highest: UInt64 = 0
    for (_, segment) in segments where segment.type == 1 {
      linkBase = UInt32(truncatingIfNeeded: min(UInt64(linkBase), segment.physicalAddress))
      highest = max(highest, file.sum(segment.physicalAddress, segment.memorySize))
    }
    guard !file.is64 || highest < 1 << 32 else {
      throw .refuses(
        "segment crosses 4 GiB border", "greatest p_paddr + p_memsz is \(hex(highest))",
        "A 64-bit image must end below 4 GiB.", .elf)
    }
    loadBase = linkBase
    let span = UInt32(truncatingIfNeeded: highest) &- linkBase
    if let tag = relocatable { try placeWhole(tag, size: span) }
    for (index, segment) in segments where segment.type == 1 {
      try load(segment, index, span: span, of: image)
    }
    entry = try Self.entry(of: file, segments)
    try sections(of: file, image)
    prediction.reading = (version == 1 ? "Multiboot, " : "Multiboot2, ") + (file.is64 ? "ELF64" : "ELF32")
  }

  private static func checkIdentity(_ file: LenientELF) throws(GRUBStop) {
    let fileClass = file.fileClass ?? 0
    guard fileClass != 1 && fileClass != 2 || file.hasMagic && file.data == 1 else {
      throw .refuses(
        "invalid arch-independent ELF magic", "e_ident, EI_DATA \(file.data ?? 0)",
        "e_ident must begin with 0x7f ELF, and EI_DATA be 1.", .elf)
    }
    let machine = file.machine ?? 0
    guard (fileClass == 1 && machine == 3 || fileClass == 2 && machine == 62) && file.version == 1 else {
      throw .refuses(
        "invalid arch-dependent ELF magic",
        "EI_CLASS \(fileClass), e_machine \(machine), e_version \(file.version ?? 0)",
        "A 32-bit image is for machine 3, a 64-bit one for machine 62; e_version is 1.", .elf)
    }
    guard file.type == 2 || file.type == 3 else {
      throw .refuses(
        "this ELF file is not of the right type", "e_type \(file.type ?? 0)", "e_type is 2 or 3.", .elf)
    }
  }

  /// The program headers with their indices. They are looked for in what was read in search of the Multiboot header.
  private func programHeaders(
    of file: LenientELF, _ image: RawSpan
  ) throws(GRUBStop) -> [(index: UInt64, segment: LenientELF.Segment)] {
    guard let table = file.programHeaderOffset, let stride = file.programHeaderEntrySize,
      let count = file.programHeaderCount, file.sectionNameIndex != nil
    else { throw Self.unread("the ELF header reaches behind the end of the file") }
    let window: UInt64 = version == 1 ? 8192 : 32_768
    let end = file.sum(table, count * stride)
    guard end <= window else {
      throw .refuses(
        "program header at a too high offset", "e_phoff \(hex(table)), e_phnum \(count), e_phentsize \(stride)",
        "The program headers must end in the file's first \(window) bytes.", .elf)
    }
    var found: [(index: UInt64, segment: LenientELF.Segment)] = []
    var index: UInt64 = 0
    while index < count {
      guard let segment = file.segment(index, in: image), table <= window else {
        throw Self.unread("program header \(index) of \(count) at \(hex(table &+ index &* stride))")
      }
      // Only headers of no size stand more than this often in the window; they are all the same one.
      guard index <= window else { break }
      found.append((index, segment))
      index += 1
    }
    return found
  }

  static func unread(_ evidence: String) -> GRUBStop {
    .misbehaves(
      "reads what its heap held before", evidence,
      "Headers are read from a buffer without asking whether the file fills it.", .elf)
  }

  private mutating func load(
    _ segment: LenientELF.Segment, _ index: UInt64, span: UInt32, of image: RawSpan
  ) throws(GRUBStop) {
    let evidence =
      "program header \(index), p_paddr \(hex(segment.physicalAddress)), "
      + "p_filesz \(hex(segment.fileSize)), p_memsz \(hex(segment.memorySize))"
    try checkLimit(evidence)
    let size = UInt32(truncatingIfNeeded: segment.memorySize)
    var target = UInt32(truncatingIfNeeded: segment.physicalAddress)
    if relocatable != nil {
      let offset = target &- linkBase
      guard UInt64(offset) + segment.memorySize <= UInt64(span) else {
        throw .misbehaves(
          "writes over its own heap", evidence, "Where a sum of p_paddr and p_memsz wraps, the room is too small.", .elf
        )
      }
      target = loadBase &+ offset
    } else {
      try relocator.place(at: target, size: size, evidence)
    }
    let fileSize = UInt64(image.byteCount)
    let wanted = segment.fileSize
    if wanted != 0 {
      guard segment.offset <= fileSize else { throw .seek(evidence + ", p_offset \(hex(segment.offset))") }
      guard wanted <= UInt64(size) else {
        throw .misbehaves(
          "corrupts its heap", evidence, "p_filesz bytes are read into room for p_memsz, without a check.", .elf)
      }
      guard wanted <= fileSize - segment.offset else {
        throw .premature(request.imageName, evidence + ", p_offset \(hex(segment.offset))", .elf)
      }
    }
    add(
      wanted == 0 ? .zero : Self.bytes(segment.offset, wanted), at: target, wanted,
      zeroFill: UInt64(size) - wanted, owner: "segment \(index)")
  }

  /// The first program header of any type whose virtual range holds e_entry makes it physical.
  private static func entry(
    of file: LenientELF, _ segments: [(index: UInt64, segment: LenientELF.Segment)]
  ) throws(GRUBStop) -> UInt32 {
    let entry = file.entry ?? 0
    for (index, segment) in segments
    where segment.virtualAddress <= entry && file.sum(segment.virtualAddress, segment.memorySize) > entry {
      let physical = file.sum(entry - segment.virtualAddress, segment.physicalAddress)
      guard physical < 1 << 32 else {
        throw .refuses(
          "invalid entry point for ELF64",
          "e_entry \(hex(entry)) is \(hex(physical)) by program header \(index)",
          "The physical entry must lie below 4 GiB.", .elf)
      }
      return UInt32(physical)
    }
    throw .refuses(
      "entry point isn't in a segment", "e_entry \(hex(entry))",
      "e_entry is a virtual address in the range of a program header, of any type.", .elf)
  }
}

extension LenientELF {
  /// A sum as wide as an address of the file's class.
  func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
    is64 ? left &+ right : (left &+ right) & 0xffff_ffff
  }
}
