/// What QEMU's monitor says about the translation of a stopped machine, as values. The formats are those of QEMU 7.2
/// (target/i386/monitor.c, target/riscv/monitor.c, monitor/misc.c); anything else is an error, never skipped.

/// An answer, or a line of one, that is not understood.
struct MonitorAnswerError: Error, Equatable {
  /// The command whose answer it is.
  var command: String
  /// Counted from one; 0 for the answer as a whole.
  var line: Int
  var text: String
  var reason: String
}

/// A line of an answer, and the numbers and letters in it.
struct MonitorLine {
  var command: String
  var number: Int
  var text: Substring

  /// The lines of an answer. Over QMP they end with a carriage return and a newline.
  static func lines(of answer: String, to command: String) -> [MonitorLine] {
    answer.split(whereSeparator: \.isNewline).enumerated().map {
      MonitorLine(command: command, number: $0.offset + 1, text: $0.element)
    }
  }

  func error(_ reason: String) -> MonitorAnswerError {
    MonitorAnswerError(command: command, line: number, text: String(text), reason: reason)
  }

  /// The words between single spaces.
  func words(_ count: Int) throws -> [Substring] {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == count else { throw error("\(words.count) words where \(count) are expected") }
    return words
  }

  /// A number of exactly 16 hexadecimal digits, without a prefix.
  func number(_ digits: Substring) throws -> UInt64 {
    guard digits.utf8.count == 16, let value = hexadecimal(digits) else {
      throw error("'\(digits)' is not a number of 16 hexadecimal digits")
    }
    return value
  }

  /// The letters of `columns` that are set: each column shows its letter or a dash.
  func flags(_ shown: Substring, columns: String) throws -> Set<Character> {
    guard shown.count == columns.count else { throw error("'\(shown)' has not the columns \(columns)") }
    var set: Set<Character> = []
    for (letter, column) in zip(shown, columns) where letter != "-" {
      guard letter == column else { throw error("'\(letter)' where '\(column)' or '-' is expected") }
      set.insert(column)
    }
    return set
  }
}

/// Hexadecimal digits and nothing else; `UInt64(_:radix:)` alone would take a sign.
func hexadecimal(_ digits: Substring) -> UInt64? {
  digits.utf8.allSatisfy { Character(UnicodeScalar($0)).isHexDigit } ? UInt64(digits, radix: 16) : nil
}
