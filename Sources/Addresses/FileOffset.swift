/// A position in the bytes of an image. Guarantee: at most `Int64.max`, so that it always fits a file system's offset.
public struct FileOffset: Address {
  public let value: UInt64
  public static var greatest: UInt64 { UInt64(Int64.max) }
  public init(unchecked value: UInt64) { self.value = value }
}
