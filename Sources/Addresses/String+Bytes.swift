// Strings from bytes, as bytes, and compared by their bytes: a bare machine has no tables of Unicode. Called, not inlined:
// what the standard library does for them takes room.

extension String {
  /// Text from its bytes; what is no UTF-8 becomes U+FFFD.
  @inline(never) public init(utf8 bytes: [UInt8]) { self.init(decoding: bytes, as: UTF8.self) }

  @inline(never) public var bytes: [UInt8] {
    let span = utf8.span
    var bytes: [UInt8] = []
    for index in span.indices { bytes.append(span[index]) }
    return bytes
  }

  /// Whether both have the same bytes.
  @inline(never) public func isSpelled(_ other: String) -> Bool {
    let (mine, others) = (utf8.span, other.utf8.span)
    guard mine.count == others.count else { return false }
    for index in mine.indices where mine[index] != others[index] { return false }
    return true
  }
}
