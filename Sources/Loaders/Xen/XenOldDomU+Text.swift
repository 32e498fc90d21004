/// Text as the C library reads it, which the hypervisor's own functions do otherwise.
extension CText {
  /// What follows the first occurrence of a text; nil where there is none.
  func after(_ name: String) -> CText? {
    index(of: name).map { CText(Array(bytes[($0 + name.utf8.count)...])) }
  }

  /// `strtoul` and `strtoull`: white space, a sign, "0x" and "0" with base 0, "0x" with base 16; what is too great is
  /// the greatest value.
  func unsigned(base wanted: UInt64 = 0, greatest: UInt64) -> UInt64 {
    var rest = bytes[...].drop { $0 == 0x20 || (9...13).contains($0) }
    let isNegative = rest.first == 0x2d
    if isNegative || rest.first == 0x2b { rest = rest.dropFirst() }
    var base = wanted
    if base == 0 { base = rest.first == 0x30 ? 8 : 10 }
    if wanted == 0 || wanted == 16, rest.first == 0x30, let x = rest.dropFirst().first, x | 0x20 == 0x78,
      let digit = rest.dropFirst(2).first, CText.isDigit(digit, 16)
    {
      base = 16
      rest = rest.dropFirst(2)
    }
    var value: UInt64 = 0
    for byte in rest {
      guard CText.isDigit(byte, base) else { break }
      let (product, overflows) = value.multipliedReportingOverflow(by: base)
      let (sum, carries) = product.addingReportingOverflow(CText.digit(byte))
      guard !overflows, !carries, sum <= greatest else { return greatest }
      value = sum
    }
    return isNegative ? (0 &- value) & greatest : value
  }

  private static func isDigit(_ byte: UInt8, _ base: UInt64) -> Bool { digit(byte) < base }

  /// What a hexadecimal digit stands for; 16 for anything else.
  private static func digit(_ byte: UInt8) -> UInt64 {
    let letter = byte | 0x20
    if (0x30...0x39).contains(byte) { return UInt64(byte - 0x30) }
    return (0x61...0x66).contains(letter) ? UInt64(letter - 0x57) : 16
  }

  /// Whether a list of features, up to a comma, requires auto_translated_physmap: names are separated by "|", required
  /// ones begin with "!", and the first name that begins with what is written is meant (`parse_features`).
  var requiresTranslation: Bool {
    let names = [
      "writable_page_tables", "writable_descriptor_tables", "auto_translated_physmap", "supervisor_mode_kernel",
      "pae_pgdir_above_4gb",
    ]
    let list = bytes.prefix { $0 != 0x2c }
    for word in list.split(separator: 0x7c) where word.first == 0x21 {
      let name = word.dropFirst()
      if names.first(where: { $0.utf8.starts(with: name) }) == names[2] { return true }
    }
    return false
  }
}
