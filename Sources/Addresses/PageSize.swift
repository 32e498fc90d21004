/// The size of one translation: a power of two that some paging mode has a leaf for.
public struct PageSize: RawRepresentable, Comparable, Hashable, Sendable {
  /// The base-2 logarithm, 0...63.
  public let rawValue: UInt8

  public init?(rawValue: UInt8) {
    guard rawValue < 64 else { return nil }
    self.rawValue = rawValue
  }

  /// The size of `1 << shift` bytes; `shift` is below 64.
  @inlinable public init(shift: UInt8) { rawValue = shift }

  @inlinable public var alignment: Alignment { Alignment(shift: rawValue) }
  @inlinable public var byteCount: ByteCount { alignment.byteCount }

  @inlinable public static func < (left: PageSize, right: PageSize) -> Bool { left.rawValue < right.rawValue }
}

extension PageSize {
  @inlinable public static var size4KiB: PageSize { PageSize(shift: 12) }
  @inlinable public static var size16KiB: PageSize { PageSize(shift: 14) }
  @inlinable public static var size64KiB: PageSize { PageSize(shift: 16) }
  @inlinable public static var size2MiB: PageSize { PageSize(shift: 21) }
  @inlinable public static var size4MiB: PageSize { PageSize(shift: 22) }
  @inlinable public static var size32MiB: PageSize { PageSize(shift: 25) }
  @inlinable public static var size512MiB: PageSize { PageSize(shift: 29) }
  @inlinable public static var size1GiB: PageSize { PageSize(shift: 30) }
  @inlinable public static var size64GiB: PageSize { PageSize(shift: 36) }
  @inlinable public static var size512GiB: PageSize { PageSize(shift: 39) }
  @inlinable public static var size4TiB: PageSize { PageSize(shift: 42) }
  @inlinable public static var size256TiB: PageSize { PageSize(shift: 48) }
  /// More than any mode has: no limit.
  @inlinable public static var largest: PageSize { PageSize(shift: 63) }
}
