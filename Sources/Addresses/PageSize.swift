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

  public var alignment: Alignment { Alignment(shift: rawValue) }
  public var byteCount: ByteCount { alignment.byteCount }

  public static func < (left: PageSize, right: PageSize) -> Bool { left.rawValue < right.rawValue }
}

extension PageSize {
  public static var size4KiB: PageSize { PageSize(shift: 12) }
  public static var size16KiB: PageSize { PageSize(shift: 14) }
  public static var size64KiB: PageSize { PageSize(shift: 16) }
  public static var size2MiB: PageSize { PageSize(shift: 21) }
  public static var size4MiB: PageSize { PageSize(shift: 22) }
  public static var size32MiB: PageSize { PageSize(shift: 25) }
  public static var size512MiB: PageSize { PageSize(shift: 29) }
  public static var size1GiB: PageSize { PageSize(shift: 30) }
  public static var size64GiB: PageSize { PageSize(shift: 36) }
  public static var size512GiB: PageSize { PageSize(shift: 39) }
  public static var size4TiB: PageSize { PageSize(shift: 42) }
  public static var size256TiB: PageSize { PageSize(shift: 48) }
  /// More than any mode has: no limit.
  public static var largest: PageSize { PageSize(shift: 63) }
}
