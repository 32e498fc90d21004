import Addresses

extension SectionHeader {
  /// Decodes the section header at `offset` of a little-endian file.
  ///
  /// - Throws: ``ParseError`` when the header, or the bytes of a section that has some, lie outside the file.
  init(parsing bytes: RawSpan, at offset: UInt64, index: Int, class: ELFClass) throws(ParseError) {
    func name(_ field: Sentence) -> Sentence { "section header \(index): \(field)" }
    var cursor = WordCursor(offset: offset, class: `class`, structure: "section header", index: index)
    self.index = index
    headerOffset = FileOffset(unchecked: offset)
    nameOffset = try cursor.next(UInt32.self, of: bytes, field: "sh_name")
    type = SectionType(rawValue: try cursor.next(UInt32.self, of: bytes, field: "sh_type"))
    flags = SectionFlags(rawValue: try cursor.address(of: bytes, field: "sh_flags"))
    address = LinkAddress(unchecked: try cursor.address(of: bytes, field: "sh_addr"))
    let startPlace = cursor.offset
    fileOffset = try cursor.address(of: bytes, field: "sh_offset")
    let sizePlace = cursor.offset
    size = ByteCount(try cursor.address(of: bytes, field: "sh_size"))
    link = try cursor.next(UInt32.self, of: bytes, field: "sh_link")
    info = try cursor.next(UInt32.self, of: bytes, field: "sh_info")
    alignment = try cursor.address(of: bytes, field: "sh_addralign")
    entrySize = try cursor.address(of: bytes, field: "sh_entsize")
    guard type != .null, type != .noBits, size.value > 0 else {
      fileRange =
        fileOffset > FileOffset.greatest
        ? .emptyAtStart : FileRange(uncheckedStart: FileOffset(unchecked: fileOffset), count: .zero)
      return
    }
    let fileSize = UInt64(bytes.byteCount)
    guard fileOffset <= fileSize else {
      throw ParseError(
        .outsideFile, field: name("sh_offset"), at: startPlace, found: fileOffset, allowed: .atMost(fileSize))
    }
    guard let range = bytes.range(at: fileOffset, count: size.value) else {
      throw ParseError(
        .outsideFile, field: name("sh_size"), at: sizePlace, found: size.value,
        allowed: .atMost(fileSize - fileOffset))
    }
    fileRange = range
  }
}
