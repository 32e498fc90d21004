/// A power of two, by construction.
public struct Alignment: Comparable, Hashable, Sendable {
  /// The base-2 logarithm, 0...63.
  public let shift: UInt8

  @inlinable public init(shift: UInt8) {
    precondition(shift < 64, "an alignment is below 2⁶⁴")
    self.shift = shift
  }

  /// Nil when `value` is no power of two.
  public init?(_ value: UInt64) {
    guard value.nonzeroBitCount == 1 else { return nil }
    shift = UInt8(value.trailingZeroBitCount)
  }

  @inlinable public var value: UInt64 { 1 << UInt64(shift) }
  @inlinable public var mask: UInt64 { value - 1 }
  public var byteCount: ByteCount { ByteCount(value) }

  public static var one: Alignment { Alignment(shift: 0) }
  public static var page4KiB: Alignment { Alignment(shift: 12) }
  public static var page2MiB: Alignment { Alignment(shift: 21) }
  public static var page1GiB: Alignment { Alignment(shift: 30) }

  public static func < (left: Alignment, right: Alignment) -> Bool { left.shift < right.shift }
}
