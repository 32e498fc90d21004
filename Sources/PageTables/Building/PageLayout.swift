public import Addresses

/// Which pages map a range: at every address the largest that the format, `largest`, the alignment of both addresses and
/// the rest of the range allow.
///
///       start       2 MiB boundary     1 GiB boundary     1 GiB boundary     2 MiB boundary     end
///         ├── 4 KiB ──┼───── 2 MiB ──────┼───── 1 GiB ──────┼───── 2 MiB ──────┼── 4 KiB ──┤
///
/// A larger size is possible only where virtual and physical address agree modulo that size.
public struct PageLayout<Format: TableFormat> {
  public let format: Format
  public let largest: PageSize

  @inlinable public init(format: Format, largest: PageSize) {
    self.format = format
    self.largest = largest
  }

  /// Whether an entry of this level maps all it translates, from translated bits `linear` through `last`, as one page.
  @inlinable func isPage(_ level: TableLevel, _ linear: UInt64, through last: UInt64, to physical: UInt64) -> Bool {
    let mask = (1 << format.geometry.shift(of: level)) &- 1 as UInt64
    return last &- linear >= mask && (linear | physical) & mask == 0 && isAllowed(level)
      && physical <= format.greatestAddress(at: level)
  }

  @inlinable func isAllowed(_ level: TableLevel) -> Bool {
    format.allowsPages(at: level) && (level == .pageTable || format.geometry.pageSize(of: level) <= largest)
  }

  /// How many tables of levels below `level` it takes to map a range that lies under one absent entry of `level`.
  ///
  /// Neighbours that are covered whole are alike, so that only the first and the last are looked into: the cost is
  /// proportional to the square of the number of levels.
  @inlinable
  func tables(under level: TableLevel, _ first: UInt64, through last: UInt64, to physical: UInt64) -> Int {
    if isPage(level, first, through: last, to: physical) { return 0 }
    guard level > .pageTable else { return 0 }
    let below = level.below
    guard below > .pageTable else { return 1 }
    let mask = (1 << format.geometry.shift(of: below)) &- 1 as UInt64
    // The parts of the first and the last entry, and whole ones between.
    let firstEnd = first | mask
    guard firstEnd < last else { return 1 &+ tables(under: below, first, through: last, to: physical) }
    let lastStart = last & ~mask
    var count = 1 &+ tables(under: below, first, through: firstEnd, to: physical)
    count &+= tables(under: below, lastStart, through: last, to: physical &+ (lastStart &- first))
    let middle = (lastStart &- firstEnd &- 1) >> format.geometry.shift(of: below)
    guard middle > 0 else { return count }
    let start = firstEnd &+ 1
    let each = tables(under: below, start, through: start | mask, to: physical &+ (start &- first))
    return count &+ Int(truncatingIfNeeded: middle) &* each
  }
}
