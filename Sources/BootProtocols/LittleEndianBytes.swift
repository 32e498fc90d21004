// Writing fields into bytes that a machine will read. All of x86-64's formats are little-endian.

import Addresses

extension [UInt8] {
  /// Adds the bytes of an integer, lowest first.
  @inline(__always)
  package mutating func append<Value: FixedWidthInteger & UnsignedInteger>(littleEndian value: Value) {
    append(UInt64(value), count: Value.bitWidth / 8)
  }

  /// Overwrites bytes from `offset` with those of an integer, lowest first. They must exist.
  @inline(__always) mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    store(UInt64(truncatingIfNeeded: value), count: Value.bitWidth / 8, at: offset)
  }

  /// Adds zeros up to a size.
  @inline(never) mutating func pad(to count: Int) {
    while self.count < count { add(0) }
  }

  // Called, not inlined: growing an array takes room.

  @inline(never) private mutating func append(_ value: UInt64, count: Int) {
    for index in 0..<count { add(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  @inline(never) private mutating func store(_ value: UInt64, count: Int, at offset: Int) {
    for index in 0..<count { self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }
}
