import AddressSpace
import Addresses
import PageTables
import TestSupport

/// Intents, and a range of them that is to be changed.
struct ChangeCase: Shrinkable {
  var table: TableCase
  var range: VirtualRange
  var access: Access

  var smaller: [ChangeCase] {
    let tables = table.smaller.filter { !$0.intents.isEmpty }.map {
      ChangeCase(table: $0, range: range, access: access)
    }
    let page = table.mode.smallestPage.byteCount.value
    let pages = range.count.value / page
    let counts = Set([pages / 2, pages - 1]).filter { $0 > 0 }
    return tables
      + counts.flatMap { count in
        [0, (pages - count) * page].map { offset in
          ChangeCase(
            table: table, range: PageTablesTests.range(range.start.value + offset, count * page), access: access)
        }
      }
  }

  var description: String {
    "\(table)\nrange(\(range.start.value.swiftText), \(range.count.value.swiftText)), .\(access)"
  }

  /// - Parameter isInside: whether the range has no holes, so that it lies in one intent.
  static func draw(_ mode: PagingMode, isInside: Bool, _ generator: inout SeededGenerator) -> ChangeCase {
    var table = TableCase.draw(mode, mixesUsers: false, &generator)
    while table.intents.isEmpty { table = TableCase.draw(mode, mixesUsers: false, &generator) }
    let page = mode.smallestPage.byteCount.value
    let start = generator.pick(table.intents).virtual
    let first = start.start.value + drawOffset(start, page, mode, &generator)
    let others = table.intents.map(\.virtual).filter { $0.start >= start.start && $0.start.value >> 63 == first >> 63 }
    let end = isInside ? start : generator.pick(others)
    let endFirst = end.start.value
    var last = endFirst + drawOffset(end, page, mode, &generator) + (page - 1)
    if last < first || generator.oneIn(4) { last = endFirst + (end.count.value - 1) }
    let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
    return ChangeCase(
      table: table, range: PageTablesTests.range(first, last - first + 1), access: generator.pick(accesses))
  }

  /// An offset into a range: its start, any page, or one at the edge of a large page.
  private static func drawOffset(
    _ range: VirtualRange, _ page: UInt64, _ mode: PagingMode, _ generator: inout SeededGenerator
  ) -> UInt64 {
    let pages = range.count.value / page
    switch generator.draw(0...3) {
    case 0: return 0
    case 1: return generator.draw(0...(pages - 1)) * page
    case 2: return generator.draw(0...min(pages - 1, 40)) * page
    default:
      let large = generator.pick(mode.pageSizes).byteCount.value
      return generator.draw(0...(range.count.value - 1)) / large * large
    }
  }
}

extension Workbench {
  /// Maps intents one after the other with the verb.
  func map(_ intents: [MappingIntent]) throws(TableEditError) {
    for intent in intents {
      try tables.map(
        intent.virtual, to: intent.physical, as: intent.kind, largest: intent.largestPage, frames: &frames)
    }
  }

  /// A bench with the tables of a case, and room for some more.
  convenience init(_ table: TableCase, spare: Int) throws(TableEditError) {
    self.init(table.mode, frames: PageTableBudget(for: table.space).frames + spare)
    try map(table.intents)
  }

  /// All leaves.
  var pages: [ModelPage] { tables.format.mode.pages(of: tables.runs().runs) }
}
