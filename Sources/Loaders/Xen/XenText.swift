import KernelImage

/// Text as C sees it: bytes up to a NUL.
struct CText: Equatable {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The string at an offset, as far as the file and `limit` go; nil where no NUL comes before either ends.
  init?(in file: RawSpan, at offset: UInt64, limit: UInt64) {
    var bytes: [UInt8] = []
    while UInt64(bytes.count) < limit {
      let (position, wraps) = offset.addingReportingOverflow(UInt64(bytes.count))
      guard !wraps, let byte = file.load(UInt8.self, at: position) else { return nil }
      if byte == 0 {
        self.bytes = bytes
        return
      }
      bytes.append(byte)
    }
    return nil
  }

  var string: String { String(decoding: bytes, as: UTF8.self) }

  func starts(with text: String) -> Bool { holds(text, at: 0) }

  /// For `switch` over texts, byte by byte.
  static func ~= (pattern: String, text: CText) -> Bool { text.equals(pattern) }

  func equals(_ text: String) -> Bool { bytes.count == text.utf8.count && starts(with: text) }

  /// Where a text begins, as `strstr`.
  func index(of text: String) -> Int? {
    guard bytes.count >= text.utf8.count else { return nil }
    return (0...(bytes.count - text.utf8.count)).first { holds(text, at: $0) }
  }

  /// The number after a text, as `strtoul` with base 0; nil where the text does not occur.
  func number(after text: String) -> UInt64? {
    index(of: text).map { CText.number(bytes[($0 + text.utf8.count)...]) }
  }

  /// Cut to what a buffer of 16 bytes holds.
  var cut: CText { CText(Array(bytes.prefix(15))) }

  private func holds(_ text: String, at index: Int) -> Bool {
    bytes.dropFirst(index).starts(with: text.utf8)
  }

  /// Xen's `simple_strtoull` with base 0: "0x" hexadecimal, "0" octal, else decimal; it wraps, and takes no sign.
  static func number(_ digits: some Collection<UInt8>) -> UInt64 {
    var rest = digits[...]
    var base: UInt64 = 10
    if rest.first == 0x30 {
      base = 8
      rest = rest.dropFirst()
      if let x = rest.first, x | 0x20 == 0x78, let next = rest.dropFirst().first, digit(next) < 16 {
        base = 16
        rest = rest.dropFirst()
      }
    }
    var value: UInt64 = 0
    for byte in rest {
      let next = digit(byte)
      guard next < base else { break }
      value = value &* base &+ next
    }
    return value
  }

  /// What a hexadecimal digit stands for; 16 for anything else.
  private static func digit(_ byte: UInt8) -> UInt64 {
    switch byte {
    case 0x30...0x39: UInt64(byte - 0x30)
    case 0x41...0x46: UInt64(byte - 0x37)
    case 0x61...0x66: UInt64(byte - 0x57)
    default: 16
    }
  }
}
