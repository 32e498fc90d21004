// Writing fields into bytes that a machine will read. All of x86-64's formats are little-endian.

extension [UInt8] {
  /// Adds the bytes of an integer, lowest first.
  package mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    for index in 0..<(Value.bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: value >> Value(8 * index)))
    }
  }

  /// Overwrites bytes from `offset` with those of an integer, lowest first. They must exist.
  mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<(Value.bitWidth / 8) {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
    }
  }

  /// Adds zeros up to a size.
  mutating func pad(to count: Int) {
    while self.count < count { append(0) }
  }
}
