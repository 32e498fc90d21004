import Addresses

/// Text without what a terminal obeys: names come from images and boot loaders. Controls, and the marks that turn the
/// direction of writing, become `\x` and their number in hexadecimal.
func printable(_ text: String) -> String {
  let bytes = text.bytes
  var shown: [UInt8] = []
  var position = 0
  while position < bytes.count {
    let character = bytes[position..<position + length(from: bytes[position])]
    let scalar = value(of: character)
    if isControl(scalar) { shown += escape(scalar) } else { shown += character }
    position = character.endIndex
  }
  return String(bytes: shown)
}

/// How many bytes of UTF-8 a first byte announces. A `String` keeps what it announces.
private func length(from first: UInt8) -> Int { first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4 }

private func value(of character: ArraySlice<UInt8>) -> UInt32 {
  var value: UInt32 = 0
  for byte in character { value = value << 6 | UInt32(byte & 0x3f) }
  switch character.count {
  case 1: return UInt32(character[character.startIndex])
  // What the first byte's mark leaves of its six bits.
  case 2: return value & 0x7ff
  case 3: return value & 0xffff
  default: return value & 0x1f_ffff
  }
}

private func escape(_ scalar: UInt32) -> [UInt8] {
  let digits = Addresses.text("\(hex: scalar)").bytes.dropFirst(2)
  return (scalar < 16 ? "\\x0" : "\\x").bytes + digits
}

private func isControl(_ value: UInt32) -> Bool {
  value < 0x20 || (0x7f..<0xa0).contains(value) || (0x200e...0x200f).contains(value)
    || (0x202a...0x202e).contains(value) || (0x2066...0x2069).contains(value)
}
