public import Addresses

extension RelocationTable {
  /// Finds the table between the end of the ELF file and the end of the unpacked payload; nil when nothing is there.
  ///
  /// There is no header: the lists are found backwards from the end, each up to its zero word, and the last zero word
  /// must be the first word of the table. The cost is one pass over the table.
  ///
  /// - Throws: ``ParseError`` when what follows the ELF file is no such table.
  public init?(parsing blob: RawSpan, after elfEnd: FileOffset) throws(ParseError) {
    let size = UInt64(blob.byteCount)
    guard elfEnd.value <= size else {
      throw ParseError(
        .outsideFile, field: "relocation table: start", at: size, found: elfEnd.value, allowed: .atMost(size))
    }
    let count = size - elfEnd.value
    guard count > 0 else { return nil }
    guard count % 4 == 0 else {
      throw ParseError(
        .invalidValue, field: "relocation table: size", at: elfEnd.value, found: count, allowed: .multipleOf(4))
    }
    range = FileRange(uncheckedStart: elfEnd, count: ByteCount(count))
    var lists: [FileRange] = []
    var end = size
    while end > elfEnd.value {
      guard lists.count < 3 else {
        throw ParseError(
          .invalidValue, field: "relocation table: first word", at: elfEnd.value, found: end - elfEnd.value,
          allowed: .rule("at most three lists, the first zero word right behind the ELF file"))
      }
      let list = try Self.list(in: blob, downFrom: end, floor: elfEnd.value)
      lists.append(list)
      end = list.start.value - 4
    }
    let none = FileRange(uncheckedStart: lists[0].start, count: .zero)
    entries32 = lists[0]
    layout = lists.count == 3 ? .threeLists : lists.count == 2 ? .twoLists : .oneList
    entriesInverse32 = lists.count == 3 ? lists[1] : none
    entries64 = lists.count == 1 ? none : lists[lists.count - 1]
  }

  /// The words between `end` and the nearest zero word below it.
  private static func list(in blob: RawSpan, downFrom end: UInt64, floor: UInt64) throws(ParseError) -> FileRange {
    var start = end
    while start > floor {
      let word = try blob.read(UInt32.self, at: start - 4, field: "relocation table")
      if word == 0 {
        return FileRange(uncheckedStart: FileOffset(unchecked: start), count: ByteCount(end - start))
      }
      start -= 4
    }
    throw ParseError(
      .invalidValue, field: "relocation table: first word", at: floor,
      found: UInt64(try blob.read(UInt32.self, at: floor, field: "relocation table")), allowed: .exactly(0))
  }
}
