/// A size or a distance, in bytes.
public struct ByteCount: Comparable, Hashable, Sendable {
  public let value: UInt64

  @inlinable public init(_ value: UInt64) { self.value = value }

  public static var zero: ByteCount { ByteCount(0) }
  public static func kibibytes(_ count: UInt64) -> ByteCount { ByteCount(count << 10) }
  public static func mebibytes(_ count: UInt64) -> ByteCount { ByteCount(count << 20) }
  public static func gibibytes(_ count: UInt64) -> ByteCount { ByteCount(count << 30) }

  public static func < (left: ByteCount, right: ByteCount) -> Bool { left.value < right.value }

  /// The sum, or nil where it does not fit 64 bits.
  public func adding(_ other: ByteCount) -> ByteCount? {
    let (sum, overflow) = value.addingReportingOverflow(other.value)
    return overflow ? nil : ByteCount(sum)
  }

  /// The smallest aligned count that is not less, or nil where it does not fit 64 bits.
  public func alignedUp(to alignment: Alignment) -> ByteCount? {
    let (sum, overflow) = value.addingReportingOverflow(alignment.mask)
    return overflow ? nil : ByteCount(sum & ~alignment.mask)
  }

  public func isMultiple(of alignment: Alignment) -> Bool { value & alignment.mask == 0 }
}
