public import Addresses

/// Bytes that lie at a physical address: tables that were built but not yet copied, or a piece of a dump.
public struct BytesTableMemory: TableMemory, Sendable {
  public let base: PhysicalAddress
  public let bytes: [UInt8]

  public init(base: PhysicalAddress, bytes: [UInt8]) {
    self.base = base
    self.bytes = bytes
  }

  /// The tables of an image, at the place they were built for.
  public init(_ image: PageTableImage) {
    self.init(base: image.root, bytes: image.bytes)
  }

  @inlinable public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    let offset = address.value &- base.value
    let count = UInt64(truncatingIfNeeded: bytes.count)
    guard address.value >= base.value, count >= 8, offset <= count &- 8 else { return nil }
    // SAFETY: 1. eight bytes from `offset` lie inside, by the guard; 2. every bit pattern is an integer.
    return unsafe bytes.withUnsafeBytes { bytes in
      unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: Int(truncatingIfNeeded: offset), as: UInt64.self))
    }
  }
}
