public import Addresses

/// The frames of a budget, level after level from the root down: frame numbers tell the level. Or those of one range, for
/// whichever level asks next.
public struct LeveledFrames: FrameSource {
  private let base: UInt64
  private let frameSize: UInt64
  private let levels: Int
  /// For each level, root first: the frame number of its next table, and of the first one that is not its own. One entry
  /// where all levels share.
  private var next: InlineArray<5, Int> = .init(repeating: 0)
  private var end: InlineArray<5, Int> = .init(repeating: 0)

  /// The root's own frame counts as taken.
  public init(_ budget: PageTableBudget, at base: PhysicalAddress) {
    self.base = base.value
    frameSize = budget.frameSize.value
    levels = budget.framesByLevel.count
    var frame = 0
    for slot in 0..<levels {
      next[slot] = frame
      frame += budget.framesByLevel[slot]
      end[slot] = frame
    }
    next[0] = 1
  }

  /// - Parameter frameSize: ``TableGeometry/frameSize``; the range starts on a multiple of it.
  public init(sharing range: PhysicalRange, frameSize: ByteCount) {
    base = range.start.value
    self.frameSize = frameSize.value
    levels = 1
    // A shift: 32-bit processors divide 64-bit numbers in a library that a boot loader does not have.
    end[0] = Int(range.count.value >> UInt64(frameSize.value.trailingZeroBitCount))
  }

  /// Whether every frame was taken.
  var isUsedUp: Bool {
    for slot in 0..<levels where next[slot] != end[slot] { return false }
    return true
  }

  public func hasFrames(_ count: Int) -> Bool {
    var left = 0
    for slot in 0..<levels { left += end[slot] - next[slot] }
    return count <= left
  }

  public mutating func takeFrame(for level: TableLevel) -> PhysicalAddress? {
    let slot = max(0, levels - level.rawValue)
    guard next[slot] < end[slot] else { return nil }
    next[slot] += 1
    return PhysicalAddress(unchecked: base &+ UInt64(next[slot] - 1) &* frameSize)
  }

  public mutating func returnFrame(_ frame: PhysicalAddress, from level: TableLevel) {}
}
