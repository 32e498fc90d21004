// Text as UTF-8 and back, once: the library's ways are compiled anew wherever they are used.

extension String {
  /// The text of UTF-8. Bytes that are no UTF-8 become U+FFFD.
  @inline(never) public init(bytes: [UInt8]) { self = String(decoding: bytes, as: UTF8.self) }

  @inline(never) public init(bytes: ArraySlice<UInt8>) { self.init(bytes: Array(bytes)) }

  /// UTF-8.
  @inline(never) public var bytes: [UInt8] {
    let span = utf8.span
    var bytes: [UInt8] = []
    for index in span.indices { bytes.add(span[index]) }
    return bytes
  }

  /// Whether both are the same bytes: `==` would compare what they mean, by tables of all of Unicode.
  @inline(never) public func isSame(as other: String) -> Bool { bytes[...].spells(other) }
}

extension ArraySlice<UInt8> {
  /// Whether the bytes are those of a text.
  @inline(never) public func spells(_ text: String) -> Bool {
    let other = text.bytes
    guard count == other.count else { return false }
    for index in other.indices where self[startIndex + index] != other[index] { return false }
    return true
  }

  /// What stands before and behind the first of a byte; nil where there is none.
  @inline(never) public func cut(at byte: UInt8) -> (before: ArraySlice<UInt8>, behind: ArraySlice<UInt8>)? {
    for index in indices where self[index] == byte { return (self[..<index], self[(index + 1)...]) }
    return nil
  }

  /// The number that digits alone spell; nil where there are none, or it does not fit 64 bits.
  @inline(never) public func number(radix: UInt64) -> UInt64? {
    guard !isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in self {
      guard let digit = digit(byte), digit < radix else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }
}

/// Of letters too, whatever the radix.
private func digit(_ byte: UInt8) -> UInt64? {
  if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { return UInt64(byte - UInt8(ascii: "0")) }
  let letter = byte | 0x20
  guard (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter) else { return nil }
  return UInt64(letter - UInt8(ascii: "a")) + 10
}
