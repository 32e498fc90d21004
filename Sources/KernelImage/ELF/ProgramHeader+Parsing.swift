import Addresses

extension ProgramHeader {
  /// Decodes the program header at `offset` of a little-endian file.
  ///
  /// - Throws: ``ParseError`` when the header or the file bytes it speaks of lie outside the file, when a PT_LOAD has
  /// more
  ///   bytes in the file than in memory, or when it leaves the address space.
  init(parsing bytes: RawSpan, at offset: UInt64, index: Int, class: ELFClass) throws(ParseError) {
    let raw = try RawProgramHeader(parsing: bytes, at: offset, index: index, class: `class`)
    self.index = index
    headerOffset = FileOffset(unchecked: offset)
    type = SegmentType(rawValue: raw.type)
    flags = SegmentFlags(rawValue: raw.flags)
    virtualAddress = LinkAddress(unchecked: raw.virtualAddress)
    physicalAddress = raw.physicalAddress
    fileSize = ByteCount(raw.fileSize)
    memorySize = ByteCount(raw.memorySize)
    alignment = raw.alignment
    if type == .null {
      fileRange = bytes.range(at: raw.fileOffset, count: raw.fileSize) ?? .emptyAtStart
    } else {
      fileRange = try raw.fileRange(in: bytes)
    }
    if type == .load { try raw.checkLoad() }
  }
}

extension FileRange {
  /// What stands for a file range that means nothing.
  static var emptyAtStart: FileRange { FileRange(uncheckedStart: FileOffset(unchecked: 0), count: .zero) }
}

/// The words of a program header, before anything is believed.
private struct RawProgramHeader {
  let index: Int
  let offset: UInt64
  let `class`: ELFClass
  let type: UInt32
  let flags: UInt32
  let fileOffset: UInt64
  let virtualAddress: UInt64
  let physicalAddress: UInt64
  let fileSize: UInt64
  let memorySize: UInt64
  let alignment: UInt64

  init(parsing bytes: RawSpan, at offset: UInt64, index: Int, class: ELFClass) throws(ParseError) {
    self.index = index
    self.offset = offset
    self.class = `class`
    var cursor = WordCursor(offset: offset, class: `class`, structure: "program header", index: index)
    type = try cursor.next(UInt32.self, of: bytes, field: "p_type")
    // Elf64_Phdr moved p_flags up, to keep its 64-bit words aligned.
    let early = `class` == .bits64 ? try cursor.next(UInt32.self, of: bytes, field: "p_flags") : 0
    fileOffset = try cursor.address(of: bytes, field: "p_offset")
    virtualAddress = try cursor.address(of: bytes, field: "p_vaddr")
    physicalAddress = try cursor.address(of: bytes, field: "p_paddr")
    fileSize = try cursor.address(of: bytes, field: "p_filesz")
    memorySize = try cursor.address(of: bytes, field: "p_memsz")
    flags = `class` == .bits32 ? try cursor.next(UInt32.self, of: bytes, field: "p_flags") : early
    alignment = try cursor.address(of: bytes, field: "p_align")
  }

  /// Where a word lies in the file, by its position in Elf64_Phdr and in Elf32_Phdr.
  private func place(_ wide: UInt64, _ narrow: UInt64) -> UInt64 { offset &+ (`class` == .bits64 ? wide : narrow) }

  func fileRange(in bytes: RawSpan) throws(ParseError) -> FileRange {
    // An empty segment may stand beyond the end: linkers keep p_offset congruent to p_vaddr even for pure .bss.
    if fileSize == 0, fileOffset <= FileOffset.greatest {
      return FileRange(uncheckedStart: FileOffset(unchecked: fileOffset), count: .zero)
    }
    let size = UInt64(bytes.byteCount)
    guard fileOffset <= size else {
      throw ParseError(
        .outsideFile, field: "program header \(index): p_offset", at: place(8, 4), found: fileOffset,
        allowed: .atMost(size))
    }
    guard let range = bytes.range(at: fileOffset, count: fileSize) else {
      throw ParseError(
        .outsideFile, field: "program header \(index): p_filesz", at: place(32, 16), found: fileSize,
        allowed: .atMost(size - fileOffset))
    }
    return range
  }

  func checkLoad() throws(ParseError) {
    guard fileSize <= memorySize else {
      throw ParseError(
        .invalidValue, field: "program header \(index): p_filesz", at: place(32, 16), found: fileSize,
        allowed: .atMost(memorySize))
    }
    guard memorySize == 0 || memorySize - 1 <= `class`.greatestAddress - virtualAddress else {
      throw ParseError(
        .invalidValue, field: "program header \(index): p_memsz", at: place(40, 20), found: memorySize,
        allowed: .rule("the segment ends inside the address space"))
    }
  }
}
