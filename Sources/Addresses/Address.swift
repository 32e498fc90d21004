/// A 64-bit position in one particular space.
///
/// The spaces never mix: a `LinkAddress` becomes virtual only through a `Slide`, and a `VirtualAddress` becomes
/// physical only through a mapping. Every conforming type states its guarantee and has the same four constructors.
public protocol Address: Comparable, Hashable, Sendable {
  /// The position as the hardware or the file format writes it.
  var value: UInt64 { get }
  /// The largest value the type's guarantee allows.
  static var greatest: UInt64 { get }
  /// Makes an address without checking the guarantee; the caller vouches for `value <= greatest`.
  init(unchecked value: UInt64)
}

/// A value that breaks the guarantee of the address type it was meant for.
public struct InvalidAddress: Error, Equatable, Sendable {
  public let value: UInt64
  public let greatest: UInt64
}

extension Address {
  /// Makes an address, trapping when `value` breaks the type's guarantee. For constants and proven values.
  public init(_ value: UInt64) {
    precondition(value <= Self.greatest, "address exceeds the guarantee of its type")
    self.init(unchecked: value)
  }

  /// Makes an address from a value that came from outside.
  public init(checking value: UInt64) throws(InvalidAddress) {
    guard value <= Self.greatest else {
      throw InvalidAddress(value: value, greatest: Self.greatest)
    }
    self.init(unchecked: value)
  }

  /// Makes an address from the bits of `value` that the guarantee allows.
  public init(truncating value: UInt64) {
    self.init(unchecked: value & Self.greatest)
  }

  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

  /// The address `count` bytes further, or nil where that leaves the space.
  public func adding(_ count: ByteCount) -> Self? {
    let (sum, overflow) = value.addingReportingOverflow(count.value)
    return overflow || sum > Self.greatest ? nil : Self(unchecked: sum)
  }

  /// The address `count` bytes back, or nil where that leaves the space.
  public func subtracting(_ count: ByteCount) -> Self? {
    count.value > value ? nil : Self(unchecked: value - count.value)
  }

  /// The distance from `start` up to this address, or nil when `start` lies above it.
  public func distance(from start: Self) -> ByteCount? {
    start.value > value ? nil : ByteCount(value - start.value)
  }

  public func isAligned(to alignment: Alignment) -> Bool { value & alignment.mask == 0 }

  public func alignedDown(to alignment: Alignment) -> Self {
    Self(unchecked: value & ~alignment.mask)
  }

  /// The next aligned address at or above this one, or nil where that leaves the space.
  public func alignedUp(to alignment: Alignment) -> Self? {
    let (sum, overflow) = value.addingReportingOverflow(alignment.mask)
    guard !overflow, sum & ~alignment.mask <= Self.greatest else { return nil }
    return Self(unchecked: sum & ~alignment.mask)
  }
}
