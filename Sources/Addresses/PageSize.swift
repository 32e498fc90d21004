/// The size of one translation.
public enum PageSize: UInt8, CaseIterable, Comparable, Sendable {
  case size4KiB = 12
  case size2MiB = 21
  case size1GiB = 30

  public var alignment: Alignment { Alignment(shift: rawValue) }
  public var byteCount: ByteCount { alignment.byteCount }

  public static func < (left: PageSize, right: PageSize) -> Bool { left.rawValue < right.rawValue }
}
