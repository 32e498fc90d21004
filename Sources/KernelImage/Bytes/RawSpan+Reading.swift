public import Addresses

// The one fence around unchecked loads: every read of an image goes through `load`.

extension RawSpan {
  /// Whether `count` bytes from `offset` lie inside.
  public func holds(_ count: UInt64, at offset: UInt64) -> Bool {
    let size = UInt64(byteCount)
    return offset <= size && count <= size - offset
  }

  /// Reads a little-endian integer at any alignment, or nil where the bytes end before it does.
  @inline(__always)
  public func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: UInt64) -> Value? {
    guard holds(UInt64(MemoryLayout<Value>.size), at: offset) else { return nil }
    // SAFETY: 1. the bytes lie inside the span, by the guard; 2. every bit pattern is an integer.
    return unsafe Value(littleEndian: unsafeLoadUnaligned(fromByteOffset: Int(offset), as: Value.self))
  }

  /// Reads a little-endian integer, or says which field the bytes ended before.
  @inline(__always)
  public func read<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at offset: UInt64, field: @autoclosure () -> Sentence
  ) throws(ParseError) -> Value {
    guard let value = load(type, at: offset) else {
      throw ParseError(
        .truncated, field: field(), at: offset, found: UInt64(byteCount),
        allowed: .atLeast(offset &+ UInt64(MemoryLayout<Value>.size)))
    }
    return value
  }
}
