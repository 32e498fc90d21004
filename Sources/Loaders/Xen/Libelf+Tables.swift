import KernelImage
import Placement

extension LenientELF {
  /// Fields as libelf reads them: swapped where EI_DATA is not that of x86, ELFDATA2LSB (`elf_swap`).
  init(libelf bytes: RawSpan) { self.init(bytes, isSwapped: bytes.load(UInt8.self, at: 5) != 1) }

  /// How many section headers libelf looks at: e_shnum, at most as many as the file could hold.
  func boundedSectionCount(in bytes: RawSpan) -> UInt64 { min(sectionHeaderCount ?? 0, UInt64(bytes.byteCount) / 40) }
}

/// The tables: a header's first byte must lie in the file, its fields are 0 where the file ends before them.
extension Libelf {
  /// The program header at an index; nil, and the image broken, where the file ends before it.
  mutating func segment(_ index: UInt64, _ elf: LenientELF, _ bytes: RawSpan) -> LenientELF.Segment? {
    guard let offset = elf.programHeaderPlace(index), let segment = elf.segment(at: offset, atLeast: 1, in: bytes)
    else {
      mark(broken: "out of range access")
      return nil
    }
    // The end of what is read: p_type and p_flags of all, up to p_filesz of notes, up to p_memsz of what is loaded.
    let used: UInt64 =
      switch segment.type {
      case 1 where segment.flags & 7 != 0: elf.is64 ? 48 : 28
      case 4: elf.is64 ? 40 : 28
      default: elf.is64 ? 8 : 28
      }
    if !bytes.holds(used, at: offset) { mark(broken: "out of range access") }
    return segment
  }

  /// The section header at an index; nil, and the image broken, where the file ends before it.
  mutating func section(_ index: UInt64, _ elf: LenientELF, _ bytes: RawSpan) -> LenientELF.Section? {
    guard let offset = elf.sectionHeaderPlace(index), let section = elf.section(at: offset, atLeast: 1, in: bytes)
    else {
      mark(broken: "out of range access")
      return nil
    }
    // sh_type is the first field that is read of all of them.
    if !bytes.holds(8, at: offset) { mark(broken: "out of range access") }
    return section
  }

  /// PT_LOAD segments with a bit of R, W, X in p_flags, with their indexes. e_phentsize is the stride as it stands; 0
  /// makes all headers the same (`elf_phdr_is_loadable`).
  mutating func loadable(_ elf: LenientELF, _ bytes: RawSpan) -> [(index: UInt64, segment: LenientELF.Segment)] {
    var found: [(index: UInt64, segment: LenientELF.Segment)] = []
    for index in 0..<(elf.programHeaderCount ?? 0) {
      guard let segment = segment(index, elf, bytes) else { break }
      if segment.type == 1, segment.flags & 7 != 0 { found.append((index: index, segment: segment)) }
    }
    return found
  }

  /// The first section of a name (`elf_shdr_by_name`). Names that do not end make the image broken.
  mutating func section(named name: String, _ elf: LenientELF, _ bytes: RawSpan) -> LenientELF.Section? {
    let count = elf.boundedSectionCount(in: bytes)
    guard let nameIndex = elf.sectionNameIndex, nameIndex < count, let names = section(nameIndex, elf, bytes) else {
      return nil
    }
    for index in 1..<max(1, count) {
      guard let section = section(index, elf, bytes) else { return nil }
      let offset = names.offset &+ section.name
      if bytes.spells(name + "\0", at: offset) { return section }
      // What is read of a name matters no more once the image is broken.
      if broken == nil { _ = text(elf, bytes, at: offset) }
    }
    return nil
  }

  /// The checks before anything is read (`elf_init`).
  mutating func begin(_ elf: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let size = UInt64(bytes.byteCount)
    guard size >= 52, elf.hasMagic else {
      throw .refuse(
        "ELF: not an ELF binary", "file size \(hex(size)), e_ident[EI_MAG0..3]", "an ELF header of at least 52 bytes",
        "Xen 4.17, xen/common/libelf/libelf-tools.c, elf_is_elfbinary")
    }
    if checked(elf.sectionHeaderCount) > size / 40 { mark(broken: "far too many section headers") }
    let segments = checked(elf.programHeaderEntrySize) &* checked(elf.programHeaderCount)
    try check("phdr", checked(elf.programHeaderOffset), segments, size)
    let sections = checked(elf.sectionHeaderEntrySize) &* elf.boundedSectionCount(in: bytes)
    try check("shdr", checked(elf.sectionHeaderOffset), sections, size)
  }

  private mutating func check(
    _ table: String, _ start: UInt64, _ length: UInt64, _ size: UInt64
  ) throws(XenStop) {
    let end = start &+ length
    guard end > size else { return }
    let field = table == "phdr" ? "e_phoff" : "e_shoff"
    throw .refuse(
      "ELF: \(table) overflow (off \(String(end, radix: 16)) > size \(String(size, radix: 16)))",
      "\(field) \(hex(start)), table of \(hex(length)) bytes", "the table ends in the file",
      "\(XenSource.loader), elf_init")
  }

  /// The extent of what will be loaded (`elf_parse_binary`). A segment whose end wraps does not raise the end.
  mutating func measure(_ elf: LenientELF, _ bytes: RawSpan) {
    for (_, segment) in loadable(elf, bytes) {
      let start = segment.physicalAddress
      say("ELF: phdr: paddr=\(alternateHex(start)) memsz=\(alternateHex(segment.memorySize))")
      physicalStart = min(physicalStart, start)
      physicalEnd = max(physicalEnd, start &+ segment.memorySize)
    }
    say("ELF: memory: \(alternateHex(physicalStart)) -> \(alternateHex(physicalEnd))")
  }
}
