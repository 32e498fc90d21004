public import Addresses

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
  public var evidence: [String] { facts.map { $0.text } }

  private var facts: [Sentence] {
    switch code {
    case .unrecognised: []
    case .truncated: ["the file has \(found.both) bytes", "needed: \(allowed.words)"]
    case .invalidValue, .outsideFile, .unsupported, .tooMany: ["found:   \(found.both)", "allowed: \(allowed.words)"]
    }
  }

  /// The sentence and its evidence on one line.
  @inline(never) public var account: Sentence {
    var account = words
    for fact in facts { account += "; \(fact)" }
    return account
  }
}

extension ParseError: CustomStringConvertible {
  /// "e_type holds a value that its format does not allow; found:   1; allowed: 2; at offset 16".
  public var description: String { text("\(account); at offset \(offset.value)") }
}

extension ParseError.Allowed {
  /// "at most 0x40 (64)".
  public var text: String { words.text }

  fileprivate var words: Sentence {
    switch self {
    case .exactly(let value): value.both
    case .atLeast(let value): "at least \(value.both)"
    case .atMost(let value): "at most \(value.both)"
    case .multipleOf(let value): "a multiple of \(value.both)"
    case .rule(let words): "\(words)"
    }
  }
}

extension UInt64 {
  /// "0x40 (64)"; one spelling where both are the same digits.
  @inline(never) fileprivate var both: Sentence { self < 10 ? "\(self)" : "\(hex: self) (\(self))" }
}
