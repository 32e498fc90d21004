import Addresses

extension ELFFile {
  /// Proves that the sections of some types are no larger together than the file. Tables that do not overlap always
  /// fit; a hostile file that shows the same bytes a million times would otherwise cost a million passes.
  func checkTotalSize(of types: [SectionType], in bytes: RawSpan) throws(ParseError) {
    let size = UInt64(bytes.byteCount)
    var total: UInt64 = 0
    for section in sectionHeaders where types.contains(section.type) {
      total &+= section.fileRange.count.value
      // One section more than fits ends the sum: it cannot wrap.
      guard total <= size else {
        throw ParseError(
          .tooMany, field: "section header \(section.index): sh_size",
          at: section.headerOffset.value &+ (header.class == .bits64 ? 32 : 20), found: section.size.value,
          allowed: .rule("tables of one kind fill no more than the file together"))
      }
    }
  }
}
