/// Text without what a terminal obeys: names come from images and boot loaders. Controls, and the marks that turn the
/// direction of writing, become `\x` and their number in hexadecimal.
func printable(_ text: String) -> String {
  var bytes: [UInt8] = []
  for scalar in text.unicodeScalars {
    if isControl(scalar.value) {
      bytes += Array((scalar.value < 16 ? "\\x0" : "\\x").utf8) + Array(String(scalar.value, radix: 16).utf8)
    } else {
      bytes += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

private func isControl(_ value: UInt32) -> Bool {
  value < 0x20 || (0x7f..<0xa0).contains(value) || (0x200e...0x200f).contains(value)
    || (0x202a...0x202e).contains(value) || (0x2066...0x2069).contains(value)
}
