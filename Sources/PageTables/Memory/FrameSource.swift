public import Addresses

/// Where the frames of new tables come from, and where those of empty ones go.
public protocol FrameSource {
  /// Whether `count` more frames can be taken.
  func hasFrames(_ count: Int) -> Bool
  /// A frame for a table of this level: ``TableGeometry/frameSize`` bytes from a multiple of it, with any content. Nil
  /// where there is none left.
  mutating func takeFrame(for level: TableLevel) -> PhysicalAddress?
  /// Takes a frame back that held a table.
  mutating func returnFrame(_ frame: PhysicalAddress, from level: TableLevel)
}

/// Frames from a range of physical memory, from the bottom up. Those that come back are given out again first, as long as
/// the few that it can remember; others are forgotten.
public struct FrameRange: FrameSource, Sendable {
  public let range: PhysicalRange
  private let frameSize: UInt64
  private var next: UInt64
  private var returned: InlineArray<16, UInt64> = .init(repeating: 0)
  private var returnedCount = 0
  /// How many frames are in use.
  public private(set) var usedFrames = 0

  /// - Parameter frameSize: ``TableGeometry/frameSize``; the range starts on a multiple of it.
  public init(_ range: PhysicalRange, frameSize: ByteCount) {
    self.range = range
    self.frameSize = frameSize.value
    next = range.start.value
  }

  public func hasFrames(_ count: Int) -> Bool {
    // A shift: 32-bit processors divide 64-bit numbers in a library that a boot loader does not have.
    let left = (range.start.value &+ range.count.value &- next) >> UInt64(frameSize.trailingZeroBitCount)
    return UInt64(count) <= left &+ UInt64(returnedCount)
  }

  public mutating func takeFrame(for level: TableLevel) -> PhysicalAddress? {
    guard hasFrames(1) else { return nil }
    usedFrames += 1
    if returnedCount > 0 {
      returnedCount -= 1
      return PhysicalAddress(unchecked: returned[returnedCount])
    }
    next &+= frameSize
    return PhysicalAddress(unchecked: next &- frameSize)
  }

  public mutating func returnFrame(_ frame: PhysicalAddress, from level: TableLevel) {
    usedFrames -= 1
    guard returnedCount < returned.count else { return }
    returned[returnedCount] = frame.value
    returnedCount += 1
  }
}
