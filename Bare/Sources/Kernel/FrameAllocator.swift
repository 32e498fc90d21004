import Addresses
import PageTables

/// The frames of usable memory that nobody has: whole frames, lowest first.
struct FrameAllocator: FrameSource {
  /// In ascending order; neighbours are joined.
  private(set) var free: [PhysicalRange] = []

  init(usable: [PhysicalRange]) {
    for range in usable {
      guard let whole = range.wholeFrames else { continue }
      free.append(whole)
    }
  }

  /// How many frames are left.
  var frameCount: UInt64 {
    var count: UInt64 = 0
    for range in free { count += range.count.value >> 12 }
    return count
  }

  func hasFrames(_ count: Int) -> Bool { frameCount >= UInt64(count) }

  mutating func takeFrame(for level: TableLevel) -> PhysicalAddress? {
    guard let first = free.first else { return nil }
    take(PhysicalRange(uncheckedStart: first.start, count: .kibibytes(4)))
    return first.start
  }

  mutating func returnFrame(_ frame: PhysicalAddress, from level: TableLevel) {
    give(PhysicalRange(uncheckedStart: frame, count: .kibibytes(4)))
  }

  /// Takes out the frames that a range touches, as far as they are free.
  mutating func take(_ range: PhysicalRange) {
    guard let taken = range.alignedOut(to: .page4KiB) else { return }
    var left: [PhysicalRange] = []
    for piece in free {
      guard let common = piece.intersection(taken) else {
        left.append(piece)
        continue
      }
      if let below = PhysicalRange(from: piece.start, to: common.start), !below.isEmpty { left.append(below) }
      let above = piece.endValue - common.endValue
      if above > 0 {
        let start = PhysicalAddress(unchecked: common.endValue)
        left.append(PhysicalRange(uncheckedStart: start, count: ByteCount(above)))
      }
    }
    free = left
  }

  /// Puts whole frames back that were taken.
  mutating func give(_ range: PhysicalRange) {
    var index = 0
    while index < free.count, free[index].start < range.start { index += 1 }
    var start = range.start
    var end = range.endValue
    if index > 0, free[index - 1].endValue == start.value {
      index -= 1
      start = free.remove(at: index).start
    }
    if index < free.count, free[index].start.value == end { end = free.remove(at: index).endValue }
    free.insert(PhysicalRange(uncheckedStart: start, count: ByteCount(end - start.value)), at: index)
  }
}

extension AddressRange<PhysicalAddress> {
  /// The frames that lie inside as a whole; nil where there is none.
  var wholeFrames: PhysicalRange? {
    guard let first = start.alignedUp(to: .page4KiB) else { return nil }
    let end = PhysicalAddress(truncating: endValue & ~Alignment.page4KiB.mask)
    guard let whole = PhysicalRange(from: first, to: end), !whole.isEmpty else { return nil }
    return whole
  }
}
