/// An error or a finding: what is wrong, where, the evidence, why it matters and what to do.
public struct Diagnostic: Equatable, Sendable {
  public enum Severity: String, Sendable {
    case error, warning, note
  }

  /// Where it is: a file, a place in the file's own terms, a byte.
  public struct Location: Equatable, Sendable {
    public var path: String
    /// "program header 3: p_offset".
    public var place: String?
    public var offset: UInt64?

    public init(path: String, place: String? = nil, offset: UInt64? = nil) {
      self.path = path
      self.place = place
      self.offset = offset
    }
  }

  public var severity: Severity
  /// The number in its code: 104 is "K0104". Codes are never used again for something else.
  public var code: UInt16
  /// One sentence, without a full stop.
  public var sentence: String
  public var location: Location?
  /// Values found and allowed, one line each.
  public var evidence: [String]
  /// Why it matters.
  public var notes: [String]
  /// What to do.
  public var helps: [String]

  public init(
    _ severity: Severity = .error, code: UInt16, _ sentence: String, at location: Location? = nil,
    evidence: [String] = [], notes: [String] = [], helps: [String] = []
  ) {
    self.severity = severity
    self.code = code
    self.sentence = sentence
    self.location = location
    self.evidence = evidence
    self.notes = notes
    self.helps = helps
  }

  /// "K0104".
  public var codeName: String {
    let digits = String(code)
    return "K" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
