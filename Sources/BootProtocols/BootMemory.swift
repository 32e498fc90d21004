public import Addresses
import KernelImage

/// Physical memory as a reader of boot information sees it: the machine's own, a dump, a test's.
public protocol BootMemory {
  /// The byte at a physical address, or nil where there is no memory to read.
  func loadByte(at address: PhysicalAddress) -> UInt8?
}

extension BootMemory {
  /// The little-endian integer at a physical address of any alignment, or nil where there is no memory.
  func load<Value: FixedWidthInteger>(_: Value.Type, at address: PhysicalAddress) -> Value? {
    var value: Value = 0
    for index in 0..<UInt64(Value.bitWidth / 8) {
      guard let place = address.adding(ByteCount(index)), let byte = loadByte(at: place) else { return nil }
      value |= Value(truncatingIfNeeded: byte) << Value(truncatingIfNeeded: 8 * index)
    }
    return value
  }

  /// The integer `offset` bytes into a structure, or which field has no memory.
  func read<Value: FixedWidthInteger>(
    _ type: Value.Type, at offset: UInt64, in structure: PhysicalAddress, field: @autoclosure () -> Sentence
  ) throws(ParseError) -> Value {
    guard let place = structure.adding(ByteCount(offset)), let value = load(type, at: place) else {
      throw ParseError(
        .outsideFile, field: field(), at: structure.value &+ offset, found: structure.value &+ offset,
        allowed: .rule("an address that has memory"))
    }
    return value
  }
}
