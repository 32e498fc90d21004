import Addresses

/// The frames of a budget, level after level from the root down: frame numbers tell the level.
struct LeveledFrames: FrameSource {
  private let base: UInt64
  private let frameSize: UInt64
  private let levels: Int
  /// For each level, root first: the frame number of its next table, and of the first one that is not its own.
  private var next: [Int] = []
  private var end: [Int] = []

  init(_ budget: PageTableBudget, at base: PhysicalAddress) {
    self.base = base.value
    frameSize = budget.frameSize.value
    levels = budget.framesByLevel.count
    var frame = 0
    for count in budget.framesByLevel {
      next.append(frame)
      frame += count
      end.append(frame)
    }
    next[0] = 1
  }

  /// Whether every frame was taken.
  var isUsedUp: Bool { next == end }

  func hasFrames(_ count: Int) -> Bool { true }

  mutating func takeFrame(for level: TableLevel) -> PhysicalAddress? {
    let slot = levels - level.rawValue
    guard next[slot] < end[slot] else { return nil }
    next[slot] += 1
    return PhysicalAddress(unchecked: base &+ UInt64(next[slot] - 1) &* frameSize)
  }

  mutating func returnFrame(_ frame: PhysicalAddress, from level: TableLevel) {}
}
