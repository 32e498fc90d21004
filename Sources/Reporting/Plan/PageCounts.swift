import AddressSpace
import Addresses
import PageTables

/// How many pages of each size a mapping takes.
struct PageCounts: Sendable {
  private let stretches: [PageStretch]

  init(_ intent: MappingIntent, in mode: PagingMode) { stretches = intent.pageStretches(in: mode) }

  subscript(size: PageSize) -> UInt64 {
    stretches.reduce(0) { $1.pageSize == size ? $0 + $1.pageCount : $0 }
  }

  /// "511 × 4 KiB + 13 × 2 MiB", smallest pages first.
  var text: String {
    Set(stretches.map(\.pageSize)).sorted().map { Size.times(self[$0], $0.byteCount.value) }
      .joined(separator: " + ")
  }

  /// Every size has a member, so that programs need not ask for its presence.
  var json: JSONValue {
    .members([
      "4KiB": .count(self[.size4KiB]), "2MiB": .count(self[.size2MiB]), "1GiB": .count(self[.size1GiB]),
    ])
  }
}

extension MappingIntent {
  /// Whether only the distance between its virtual and physical address keeps the mapping from using 2 MiB pages.
  var isIncongruent: Bool {
    let size = PageSize.size2MiB
    return largestPage >= size && virtual.count >= size.byteCount
      && (virtual.start.value ^ physical.value) & size.alignment.mask != 0
  }
}
