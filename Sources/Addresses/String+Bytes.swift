// Text as UTF-8 and back, once: the library's ways are compiled anew wherever they are used.

extension String {
  /// The text of UTF-8. Bytes that are no UTF-8 become U+FFFD.
  ///
  /// The same as `String(decoding:as:)`, whose way to mend text brings strings of other encodings with it.
  @inline(never) public init(bytes: [UInt8]) {
    let text = mended(bytes)
    // SAFETY: what was mended is UTF-8.
    self = unsafe String(copying: UTF8Span(unchecked: text.span))
  }

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

/// UTF-8 with U+FFFD for each maximal part of a sequence that goes on as none may (Unicode 16.0, 3.9, "U+FFFD Substitution
/// of Maximal Subparts").
private func mended(_ bytes: [UInt8]) -> [UInt8] {
  if bytes.allSatisfy({ $0 < 0x80 }) { return bytes }
  var result: [UInt8] = []
  var start = 0
  while start < bytes.count {
    let (count, second) = sequence(bytes[start])
    var allowed = second
    var end = start + 1
    while end < min(start + count, bytes.count), allowed.contains(bytes[end]) {
      allowed = 0x80...0xbf
      end += 1
    }
    result += end == start + count ? bytes[start..<end] : [0xef, 0xbf, 0xbd]
    start = end
  }
  return result
}

/// How many bytes a sequence has that starts with this one, 0 where none does, and what the second may be (table 3-7).
private func sequence(_ first: UInt8) -> (count: Int, second: ClosedRange<UInt8>) {
  switch first {
  case 0..<0x80: (1, 0x80...0xbf)
  case 0xc2...0xdf: (2, 0x80...0xbf)
  case 0xe0: (3, 0xa0...0xbf)
  case 0xed: (3, 0x80...0x9f)
  case 0xe1...0xef: (3, 0x80...0xbf)
  case 0xf0: (4, 0x90...0xbf)
  case 0xf1...0xf3: (4, 0x80...0xbf)
  case 0xf4: (4, 0x80...0x8f)
  default: (0, 0x80...0xbf)
  }
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
