import Addresses
import KernelImage

// Bounded reads of what the structure points at.

extension PVHStartInfo {
  /// A number of entries.
  func count<Memory: BootMemory>(
    at offset: UInt64, _ field: StaticString, limit: UInt64, of information: BootStructure<Memory>
  ) throws(ParseError) -> UInt64 {
    let count = UInt64(try information.word(at: offset, field))
    guard count <= limit else {
      throw information.error(.tooMany, field, at: offset, found: count, allowed: .atMost(limit))
    }
    return count
  }

  /// The address of a table that has entries, all of whose bytes have addresses.
  mutating func table<Memory: BootMemory>(
    at offset: UInt64, _ field: StaticString, byteCount: UInt64, of information: BootStructure<Memory>
  ) throws(ParseError) -> PhysicalAddress {
    guard let start = try information.pointer(at: offset, field) else {
      throw information.error(.invalidValue, field, at: offset, found: 0, allowed: .rule("the entries' address"))
    }
    try addExtent(start, count: byteCount, field, at: offset, of: information)
    return start
  }

  /// The string that an address points at, up to its NUL; nil for 0.
  @inline(never)
  mutating func string<Memory: BootMemory>(
    at offset: UInt64, _ field: StaticString, of structure: BootStructure<Memory>
  ) throws(ParseError) -> String? {
    guard let start = try structure.pointer(at: offset, field) else { return nil }
    let text = BootStructure(at: start, in: structure.memory, structure.name)
    var bytes: [UInt8] = []
    for index in 0..<Self.stringLimit {
      let byte = try text.byte(at: index, field)
      guard byte != 0 else {
        extents.add(PhysicalRange(uncheckedStart: start, count: ByteCount(index + 1)))
        return String(bytes: bytes)
      }
      bytes.add(byte)
    }
    throw structure.error(
      .invalidValue, field, at: offset, found: start.value,
      allowed: .rule("a string with a NUL in its first 4096 bytes"))
  }

  /// Notes where something lies.
  @inline(never)
  mutating func addExtent<Memory: BootMemory>(
    _ start: PhysicalAddress, count: UInt64, _ field: StaticString, at offset: UInt64,
    of information: BootStructure<Memory>
  ) throws(ParseError) {
    guard let extent = PhysicalRange(start: start, count: ByteCount(count)) else {
      throw information.error(
        .outsideFile, field, at: offset, found: start.value, allowed: .atMost(PhysicalAddress.greatest - count + 1))
    }
    extents.add(extent)
  }
}
