/// The words of the kernel's command line.
struct Words {
  private let words: [[UInt8]]

  init(_ line: [UInt8]) {
    var words: [[UInt8]] = [[]]
    for byte in line {
      if byte == UInt8(ascii: " ") { words.append([]) } else { words[words.count - 1].append(byte) }
    }
    self.words = words.filter { !$0.isEmpty }
  }

  var count: Int { words.count }

  /// Whether a word stands there.
  func contains(_ word: StaticString) -> Bool { words.contains { $0.isEqual(to: word) } }

  /// Whether a word is the one at a place.
  func isWord(_ word: StaticString, at index: Int) -> Bool { index < words.count && words[index].isEqual(to: word) }

  /// A word as a hexadecimal number, "0x" or not; nil where it is none.
  func number(at index: Int) -> UInt64? {
    guard index < words.count else { return nil }
    var digits = words[index][...]
    if digits.count > 2, digits[0] == UInt8(ascii: "0"), digits[1] | 0x20 == UInt8(ascii: "x") {
      digits = digits.dropFirst(2)
    }
    guard !digits.isEmpty, digits.count <= 16 else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt64(digit - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return value
  }
}

extension [UInt8] {
  func isEqual(to text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for index in 0..<count {
      // SAFETY: `index` is below the literal's own count.
      guard unsafe self[index] == text.utf8Start[index] else { return false }
    }
    return true
  }
}
