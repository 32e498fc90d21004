import AddressSpace
import Addresses

/// Hands out usable memory: what the machine has, less what was claimed. Claiming is called, not inlined.
struct PhysicalAllocator {
  /// Sorted; no two touch what was claimed.
  private(set) var free: [PhysicalRange]

  /// All usable memory from `floor` up.
  init(machine: borrowing MemoryMap, floor: PhysicalAddress) {
    free = []
    for range in machine.usable {
      add(from: max(range.start, floor), to: PhysicalAddress(truncating: range.endValue))
    }
  }

  @inline(never) private mutating func add(from start: PhysicalAddress, to end: PhysicalAddress) {
    if let range = PhysicalRange(from: start, to: end), !range.isEmpty { free.add(range) }
  }

  /// Whether a range can still be claimed.
  func isFree(_ range: PhysicalRange) -> Bool { free.contains { $0.contains(range) } }

  /// Takes a range away, whether or not it was free.
  @inline(never) mutating func claim(_ range: PhysicalRange) {
    guard !range.isEmpty else { return }
    let pieces = free
    free = []
    for piece in pieces {
      let end = PhysicalAddress(truncating: piece.endValue)
      let common = piece.intersection(range)
      add(from: piece.start, to: common?.start ?? end)
      if let common { add(from: PhysicalAddress(truncating: common.endValue), to: end) }
    }
  }

  /// Takes away every page that a range of usable memory has a byte in.
  mutating func claim(pagesOf range: PhysicalRange) {
    if let pages = range.alignedOut(to: .page4KiB) { claim(pages) }
  }

  /// The lowest free place, claimed; nil when there is none.
  mutating func takeLowest(_ count: ByteCount, alignment: Alignment, below limit: UInt64)
    -> PhysicalRange?
  {
    for piece in free {
      guard let start = piece.start.alignedUp(to: alignment),
        let range = PhysicalRange(start: start, count: count), piece.contains(range), range.endValue <= limit
      else { continue }
      claim(range)
      return range
    }
    return nil
  }

  /// The highest free place whose end is at most `limit`, claimed; nil when there is none.
  mutating func takeHighest(_ count: ByteCount, alignment: Alignment, below limit: UInt64)
    -> PhysicalRange?
  {
    for piece in free.reversed() {
      let end = min(piece.endValue, limit)
      guard end >= count.value else { continue }
      let start = PhysicalAddress(truncating: end - count.value).alignedDown(to: alignment)
      guard start >= piece.start, let range = PhysicalRange(start: start, count: count), piece.contains(range)
      else { continue }
      claim(range)
      return range
    }
    return nil
  }
}
