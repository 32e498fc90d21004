import Addresses

// What a loader without an operating system and the command line both say.

extension ParseError {
  /// What is wrong, with the field's name.
  public var sentence: String { words.text }

  private var words: Sentence {
    switch code {
    case .truncated: "the file ends before \(field) does"
    case .unrecognised: "the file is nothing Perch recognises"
    case .invalidValue: "\(field) holds a value that its format does not allow"
    case .outsideFile: "\(field) points outside the file"
    case .unsupported: "\(field) says a variant that Perch does not decode"
    case .tooMany: "\(field) counts more than a well-formed image can have"
    }
  }

  /// The value that was found and the values that are allowed, a line each.
  public var evidence: [String] {
    switch code {
    case .unrecognised: []
    case .truncated: [text("the file has \(found.both) bytes"), text("needed: \(allowed.text)")]
    case .invalidValue, .outsideFile, .unsupported, .tooMany:
      [text("found:   \(found.both)"), text("allowed: \(allowed.text)")]
    }
  }
}

extension ParseError: CustomStringConvertible {
  /// "e_type holds a value that its format does not allow; found:   1; allowed: 2; at offset 16".
  public var description: String {
    var words = words
    for line in evidence { words += "; \(line)" }
    return (words + "; at offset \(offset.value)").text
  }
}

extension ParseError.Allowed {
  /// "at most 0x40 (64)".
  public var text: String { words.text }

  private var words: Sentence {
    switch self {
    case .exactly(let value): Sentence(value.both)
    case .atLeast(let value): "at least \(value.both)"
    case .atMost(let value): "at most \(value.both)"
    case .multipleOf(let value): "a multiple of \(value.both)"
    case .rule(let words): "\(words)"
    }
  }
}

extension UInt64 {
  /// "0x40 (64)"; one spelling where both are the same digits.
  fileprivate var both: String { self < 10 ? text("\(self)") : text("\(hex: self) (\(self))") }
}
