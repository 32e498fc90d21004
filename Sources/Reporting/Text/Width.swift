/// How wide text stands on a terminal.
public enum Width {
  /// Columns taken: escape sequences take none, combining marks none, wide East Asian characters two.
  public static func columns(_ text: String) -> Int {
    var columns = 0
    var scalars = text.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      if scalar.value == 0x1b {
        skipEscape(&scalars)
      } else {
        columns += columnCount(scalar)
      }
    }
    return columns
  }

  /// A control sequence is ESC [ parameters final, the final byte in 0x40...0x7e (ECMA-48, 5.4).
  private static func skipEscape(_ scalars: inout String.UnicodeScalarView.Iterator) {
    guard scalars.next()?.value == 0x5b else { return }
    while let scalar = scalars.next(), !(0x40...0x7e).contains(scalar.value) {}
  }

  private static func columnCount(_ scalar: Unicode.Scalar) -> Int {
    // Nearly all that is printed: no need to ask Unicode.
    if (0x20...0x7e).contains(scalar.value) { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
      0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
      return 2
    default: return 1
    }
  }

  /// Text from an image may hold anything; a terminal must not obey it. Controls become their escapes.
  public static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if isControl(scalar) {
        result += "\\x" + Hex.digits(UInt64(scalar.value), width: 2)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || (0x200e...0x200f).contains(scalar.value)
      || (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  }

  /// Breaks at spaces so that no line exceeds `limit` columns unless one word does.
  static func wrap(_ text: String, limit: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: true) {
      if !line.isEmpty, columns(line) + 1 + columns(String(word)) > limit {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }
}
