public import Addresses

// Text inside images is never trusted to end: every reader here takes the most it may look at.

extension RawSpan {
  /// Whether the bytes at `offset` spell `text`.
  public func spells(_ text: String, at offset: UInt64) -> Bool {
    let text = text.bytes
    guard holds(UInt64(text.count), at: offset) else { return false }
    var position = offset
    for byte in text {
      guard load(UInt8.self, at: position) == byte else { return false }
      position &+= 1
    }
    return true
  }

  /// The text from `offset` up to a NUL, the end of the bytes or `limit` bytes, whichever comes first. Bytes that are
  /// no UTF-8 become U+FFFD. Control characters survive: whoever prints the text escapes them.
  public func text(at offset: UInt64, limit: UInt64) -> String {
    var bytes: [UInt8] = []
    var position = offset
    while UInt64(bytes.count) < limit, let byte = load(UInt8.self, at: position), byte != 0 {
      bytes.add(byte)
      position &+= 1
    }
    return String(bytes: bytes)
  }

  /// The text in a range of the bytes, up to its first NUL.
  public func text(in range: FileRange) -> String {
    text(at: range.start.value, limit: range.count.value)
  }

  /// The range of `count` bytes from `offset`, or nil when it is not all inside.
  public func range(at offset: UInt64, count: UInt64) -> FileRange? {
    guard holds(count, at: offset) else { return nil }
    return FileRange(uncheckedStart: FileOffset(unchecked: offset), count: ByteCount(count))
  }

  /// Whether every byte of a range is inside.
  public func holds(_ range: FileRange) -> Bool { holds(range.count.value, at: range.start.value) }
}
