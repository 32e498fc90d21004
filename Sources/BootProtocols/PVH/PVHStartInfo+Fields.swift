import Addresses
import KernelImage

// Bounded reads of single fields, at an offset in a structure in memory.

extension PVHStartInfo {
  /// A number of entries.
  func count(
    at offset: UInt64, _ field: Sentence, limit: UInt64, _ memory: some BootMemory
  ) throws(ParseError) -> UInt64 {
    let count = UInt64(try memory.read(UInt32.self, at: offset, in: address, field: field))
    guard count <= limit else {
      throw ParseError(
        .tooMany, field: field, at: address.value &+ offset, found: count, allowed: .atMost(limit))
    }
    return count
  }

  /// An address; nil for 0.
  func pointer(
    at offset: UInt64, in structure: PhysicalAddress, _ field: Sentence, _ memory: some BootMemory
  ) throws(ParseError) -> PhysicalAddress? {
    let value = try memory.read(UInt64.self, at: offset, in: structure, field: field)
    guard value <= PhysicalAddress.greatest else {
      throw ParseError(
        .invalidValue, field: field, at: structure.value &+ offset, found: value,
        allowed: .atMost(PhysicalAddress.greatest))
    }
    return value == 0 ? nil : PhysicalAddress(unchecked: value)
  }

  /// The address of a table that has entries, all of whose bytes have addresses.
  mutating func table(
    at offset: UInt64, _ field: Sentence, byteCount: UInt64, _ memory: some BootMemory
  ) throws(ParseError) -> PhysicalAddress {
    guard let start = try pointer(at: offset, in: address, field, memory) else {
      throw ParseError(
        .invalidValue, field: field, at: address.value &+ offset, found: 0, allowed: .rule("the entries' address"))
    }
    try addExtent(start, count: byteCount, field: field, at: offset)
    return start
  }

  /// The string that an address points at, up to its NUL; nil for 0.
  mutating func string(
    at offset: UInt64, in structure: PhysicalAddress, _ field: Sentence, _ memory: some BootMemory
  ) throws(ParseError) -> String? {
    guard let start = try pointer(at: offset, in: structure, field, memory) else { return nil }
    var text: [UInt8] = []
    for index in 0..<Self.stringLimit {
      let byte = try memory.read(UInt8.self, at: index, in: start, field: field)
      guard byte != 0 else {
        extents.append(PhysicalRange(uncheckedStart: start, count: ByteCount(index + 1)))
        return String(decoding: text, as: UTF8.self)
      }
      text.append(byte)
    }
    throw ParseError(
      .invalidValue, field: field, at: structure.value &+ offset, found: start.value,
      allowed: .rule("a string with a NUL in its first 4096 bytes"))
  }

  /// Notes where something lies.
  mutating func addExtent(
    _ start: PhysicalAddress, count: UInt64, field: Sentence, at offset: UInt64
  ) throws(ParseError) {
    guard let extent = PhysicalRange(start: start, count: ByteCount(count)) else {
      throw ParseError(
        .outsideFile, field: field, at: address.value &+ offset, found: start.value,
        allowed: .atMost(PhysicalAddress.greatest - count + 1))
    }
    extents.append(extent)
  }
}
