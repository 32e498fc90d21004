import Placement
import KernelImage

extension LenientELF {
  /// PT_LOAD segments that share a bit of p_flags with a mask, with their indexes: as far as the headers lie in the
  /// file. e_phentsize is the stride as it stands; 0 makes all headers the same.
  func loadable(_ flags: UInt64, in bytes: RawSpan) -> [(index: UInt64, segment: Segment)] {
    var found: [(index: UInt64, segment: Segment)] = []
    for index in 0..<(programHeaderCount ?? 0) {
      guard let segment = segment(index, in: bytes) else { break }
      if segment.type == 1, segment.flags & flags != 0 { found.append((index: index, segment: segment)) }
    }
    return found
  }

  /// The first section of a name, from an index on.
  func section(named name: String, from first: UInt64, in bytes: RawSpan) -> Section? {
    let count = sectionHeaderCount ?? 0
    guard let nameIndex = sectionNameIndex, nameIndex < count, let names = section(nameIndex, in: bytes) else {
      return nil
    }
    for index in first..<max(first, count) {
      guard let section = section(index, in: bytes) else { return nil }
      let (offset, wraps) = names.offset.addingReportingOverflow(section.name)
      if !wraps, bytes.spells(name + "\0", at: offset) { return section }
    }
    return nil
  }

  /// How many section headers libelf looks at: e_shnum, at most as many as the file could hold.
  func boundedSectionCount(in bytes: RawSpan) -> UInt64 { min(sectionHeaderCount ?? 0, UInt64(bytes.byteCount) / 40) }
}

extension Libelf {
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
    for (_, segment) in elf.loadable(XenRules.modern.loadableFlags, in: bytes) {
      let start = segment.physicalAddress
      say("ELF: phdr: paddr=\(alternateHex(start)) memsz=\(alternateHex(segment.memorySize))")
      physicalStart = min(physicalStart, start)
      physicalEnd = max(physicalEnd, start &+ segment.memorySize)
    }
    say("ELF: memory: \(alternateHex(physicalStart)) -> \(alternateHex(physicalEnd))")
  }

  /// Notes of PT_NOTE, else of SHT_NOTE, else the string of `__xen_guest` (`elf_xen_parse`). Nil where a note ends it.
  mutating func readWishes(_ elf: LenientELF, _ bytes: RawSpan) -> Bool {
    guard let fromSegments = readSegmentNotes(elf, bytes) else { return false }
    if fromSegments > 0 { return true }
    guard let fromSections = readSectionNotes(elf, bytes) else { return false }
    if fromSections > 0 { return true }
    if let section = elf.section(named: "__xen_guest", from: 1, in: bytes) {
      sawGuestText = true
      sawNoteRange = false
      let text = guestText(elf, bytes, at: section.offset)
      say("ELF: __xen_guest: \"\(text.string)\"")
      readGuestText(text)
    }
    return true
  }

  private mutating func readSegmentNotes(_ elf: LenientELF, _ bytes: RawSpan) -> Int? {
    var found = 0
    for index in 0..<(elf.programHeaderCount ?? 0) {
      guard let segment = elf.segment(index, in: bytes) else { break }
      // Old binutils left p_offset 0.
      guard segment.type == 4, segment.offset != 0 else { continue }
      guard let more = readNotes(elf, bytes, from: segment.offset, to: segment.offset &+ segment.fileSize) else {
        return nil
      }
      found += more
    }
    return found
  }

  private mutating func readSectionNotes(_ elf: LenientELF, _ bytes: RawSpan) -> Int? {
    var found = 0
    for index in 1..<max(1, elf.boundedSectionCount(in: bytes)) {
      guard let section = elf.section(index, in: bytes) else { break }
      guard section.type == 7 else { continue }
      guard let more = readNotes(elf, bytes, from: section.offset, to: section.offset &+ section.size) else {
        return nil
      }
      if found == 0, more > 0 { say("ELF: using notes from SHT_NOTE section") }
      found += more
    }
    return found
  }

  /// The whole string, or as much of it as the file holds.
  private mutating func guestText(_ elf: LenientELF, _ bytes: RawSpan, at offset: UInt64) -> CText {
    let size = UInt64(bytes.byteCount)
    if let text = CText(in: bytes, at: offset, limit: size) { return text }
    mark(broken: "out of range access")
    guard offset < size else { return CText([]) }
    return CText((offset..<size).compactMap { bytes.load(UInt8.self, at: $0) })
  }
}
