/// What a command has to say, before it is text or JSON.
///
/// Every fact is stated once, as a ``Value`` under a key; the renderers only spell it. So the two forms cannot disagree,
/// and what text shows JSON has.
public struct Document: Sendable {
  /// The verb whose result this is: "plan" gives the schema name "perch.plan".
  public var verb: String
  /// The answer in a sentence or two, in text only.
  public var summary: [String]
  public var sections: [Section]

  public init(verb: String, summary: [String], sections: [Section]) {
    self.verb = verb
    self.summary = summary
    self.sections = sections
  }

  /// Keeps only the named sections, in the document's order.
  ///
  /// - Returns: the names that no section has.
  public mutating func keep(only names: [String]) -> [String] {
    let known = sections.map(\.key)
    sections.removeAll { !names.contains($0.key) }
    return names.filter { !known.contains($0) }
  }
}

/// One part of a document, under a heading.
public struct Section: Sendable {
  public enum Body: Sendable {
    case facts([Fact])
    case grid(Grid)
    case choices([Choice])
    case statements([Statement])
    /// Parts that belong together under one key.
    case parts([Section])
  }

  /// The member's name in JSON, and the name that `--section` takes.
  public var key: String
  public var title: String
  public var body: Body
  /// Said below the body, in text only.
  public var notes: [String]
  public var audience: Audience

  public init(
    _ key: String, title: String, _ body: Body, notes: [String] = [], for audience: Audience = .everyone
  ) {
    self.key = key
    self.title = title
    self.body = body
    self.notes = notes
    self.audience = audience
  }
}

/// Where a fact is shown.
public enum Audience: Sendable {
  case everyone
  /// A detail that would only be noise to a reader.
  case programs
  /// A digest of what programs get in full.
  case people
}

/// A label and its value.
public struct Fact: Sendable {
  public var key: String
  public var label: String
  public var value: Value
  public var audience: Audience

  public init(_ key: String, _ label: String, _ value: Value, for audience: Audience = .everyone) {
    self.key = key
    self.label = label
    self.value = value
    self.audience = audience
  }
}

/// Records that have the same fields.
public struct Grid: Sendable {
  public struct Column: Sendable {
    public var key: String
    public var title: String
    public var audience: Audience

    public init(_ key: String, _ title: String, for audience: Audience = .everyone) {
      self.key = key
      self.title = title
      self.audience = audience
    }
  }

  public var columns: [Column]
  /// One value for each column.
  public var rows: [[Value]]

  public init(_ columns: [Column], rows: [[Value]]) {
    self.columns = columns
    self.rows = rows
  }
}

/// Something that was chosen, why, and what was not.
public struct Choice: Sendable {
  public struct Rejected: Sendable {
    public var candidate: String
    public var reason: String
    public init(_ candidate: String, _ reason: String) {
      self.candidate = candidate
      self.reason = reason
    }
  }

  public var subject: String
  public var choice: String
  public var because: String
  public var rejected: [Rejected]

  public init(_ subject: String, choice: String, because: String, rejected: [Rejected]) {
    self.subject = subject
    self.choice = choice
    self.because = because
    self.rejected = rejected
  }
}
