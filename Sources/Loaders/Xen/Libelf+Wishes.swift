import KernelImage

/// Where an image says what it wants (`elf_xen_parse`).
extension Libelf {
  /// Notes of PT_NOTE, else of SHT_NOTE, else the string of `__xen_guest` (`elf_xen_parse`). Nil where a note ends it.
  mutating func readWishes(_ elf: LenientELF, _ bytes: RawSpan) -> Bool {
    guard let found = readAllNotes(elf, bytes) else { return false }
    if found > 0 { return true }
    if let section = section(named: "__xen_guest", elf, bytes) {
      sawGuestText = true
      sawNoteRange = false
      let text = guestText(elf, bytes, at: section.offset)
      say("ELF: __xen_guest: \"\(text.string)\"")
      readGuestText(text)
    }
    return true
  }

  /// How many of Xen's notes PT_NOTE segments have, or where they have none, SHT_NOTE sections.
  mutating func readAllNotes(_ elf: LenientELF, _ bytes: RawSpan) -> Int? {
    guard let fromSegments = readSegmentNotes(elf, bytes) else { return nil }
    return fromSegments > 0 ? fromSegments : readSectionNotes(elf, bytes)
  }

  private mutating func readSegmentNotes(_ elf: LenientELF, _ bytes: RawSpan) -> Int? {
    var found = 0
    for index in 0..<(elf.programHeaderCount ?? 0) {
      guard let segment = segment(index, elf, bytes) else { break }
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
      guard let section = section(index, elf, bytes) else { break }
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
