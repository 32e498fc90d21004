import Addresses

extension ELFFile {
  /// The dynamic table, from the first PT_DYNAMIC up to and including its DT_NULL; empty when there is none.
  ///
  /// - Throws: ``ParseError`` when the segment is longer than `bytes`: they are not those the file was parsed from.
  public func dynamicEntries(in bytes: RawSpan) throws(ParseError) -> [DynamicEntry] {
    guard let segment = programHeaders.first(where: { $0.type == .dynamic }) else { return [] }
    let entrySize = header.class.addressSize * 2
    var entries: [DynamicEntry] = []
    var cursor = WordCursor(offset: segment.fileRange.start.value, class: header.class)
    for index in 0..<segment.fileRange.count.value / entrySize {
      let offset = FileOffset(unchecked: cursor.offset)
      let tag = DynamicTag(rawValue: try cursor.address(of: bytes, field: "dynamic entry \(index): d_tag"))
      let value = try cursor.address(of: bytes, field: "dynamic entry \(index): d_val")
      entries.append(DynamicEntry(offset: offset, tag: tag, value: value))
      if tag == .null { break }
    }
    return entries
  }
}
