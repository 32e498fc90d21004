import Addresses

extension ELFFile {
  /// The most dynamic entries Perch reads; real tables have some dozens.
  static var dynamicEntryLimit: UInt64 { 65_536 }

  /// The dynamic table, from the first PT_DYNAMIC up to and including its DT_NULL; empty when there is none.
  ///
  /// - Throws: ``ParseError`` when no DT_NULL comes within the first 65,536 entries, or when the segment is longer than
  ///   `bytes`: they are not those the file was parsed from.
  public func dynamicEntries(in bytes: RawSpan) throws(ParseError) -> [DynamicEntry] {
    guard let segment = programHeaders.first(where: { $0.type == .dynamic }) else { return [] }
    let entrySize = header.class.addressSize * 2
    var entries: [DynamicEntry] = []
    var offset = segment.fileRange.start
    for index in 0..<segment.fileRange.count.value / entrySize {
      guard index < Self.dynamicEntryLimit else {
        throw ParseError(
          .tooMany, field: "dynamic entries", at: offset.value, found: segment.fileRange.count.value / entrySize,
          allowed: .atMost(Self.dynamicEntryLimit))
      }
      var cursor = WordCursor(
        offset: offset.value, class: header.class, structure: "dynamic entry", index: Int(index))
      let tag = DynamicTag(rawValue: try cursor.address(of: bytes, field: "d_tag"))
      let value = try cursor.address(of: bytes, field: "d_val")
      entries.add(DynamicEntry(offset: offset, tag: tag, value: value))
      if tag == .null { break }
      offset = FileOffset(unchecked: cursor.offset)
    }
    return entries
  }
}
