/// FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923): a number to compare bytes by, when they cannot be laid side by
/// side. It protects from nobody.
public struct FNV1a64: Hashable, Sendable {
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  public mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

  /// The number of a whole array.
  public static func of(_ bytes: [UInt8]) -> UInt64 {
    var hash = FNV1a64()
    for byte in bytes { hash.add(byte) }
    return hash.value
  }
}
