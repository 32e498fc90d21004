public import Addresses

/// Physical memory as a page walk sees it: a source of 64-bit entries.
public protocol TableMemory {
  /// The little-endian 64-bit word at a physical address (a multiple of 8), or nil where there is no memory.
  func loadEntry(at address: PhysicalAddress) -> UInt64?
}

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

  public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    guard let offset = address.distance(from: base)?.value, bytes.count >= 8, offset <= UInt64(bytes.count - 8) else {
      return nil
    }
    let span = bytes.span
    // SAFETY: 1. eight bytes from `offset` lie inside, by the guard; 2. every bit pattern is an integer.
    return unsafe UInt64(littleEndian: span.bytes.unsafeLoadUnaligned(fromByteOffset: Int(offset), as: UInt64.self))
  }
}
