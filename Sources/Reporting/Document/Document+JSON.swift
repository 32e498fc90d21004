/// The file that a result is about.
public struct Input: Sendable {
  /// As the user wrote it.
  public var path: String
  /// In bytes.
  public var size: UInt64

  public init(path: String, size: UInt64) {
    self.path = path
    self.size = size
  }

  var json: JSONValue { .members(["path": .string(path), "size": .count(size)]) }
}

extension Document {
  /// The schema version of every verb on one file. Additions raise the second number, anything else the first.
  public static var schemaVersion: String { "1.0" }

  /// The result in its envelope.
  ///
  /// - Parameter tool: name and version of the program: "perch 0.1.0".
  public func json(input: Input, tool: String) -> JSONValue {
    .members([
      "schema": .string("perch.\(verb)"),
      "schemaVersion": .string(Self.schemaVersion),
      "tool": .string(tool),
      "input": input.json,
      "result": .object(members),
    ])
  }

  /// What programs get of each section.
  var members: [JSONValue.Member] { sections.filter { $0.audience != .people }.map { .init($0.key, $0.body.json) } }
}

extension Section.Body {
  var json: JSONValue {
    switch self {
    case .facts(let facts):
      .object(facts.filter { $0.audience != .people }.map { .init($0.key, $0.value.json) })
    case .grid(let grid): grid.json
    case .choices(let choices): .array(choices.map(\.json))
    case .statements(let statements): .array(statements.map(\.json))
    case .parts(let parts): .object(parts.filter { $0.audience != .people }.map { .init($0.key, $0.body.json) })
    }
  }
}

extension Grid {
  var json: JSONValue {
    .array(
      rows.map { row in
        .object(zip(columns, row).filter { $0.0.audience != .people }.map { .init($0.0.key, $0.1.json) })
      })
  }
}

extension Choice {
  var json: JSONValue {
    .members([
      "subject": .string(subject), "choice": .string(choice), "because": .string(because),
      "rejected": .array(
        rejected.map { .members(["candidate": .string($0.candidate), "reason": .string($0.reason)]) }),
    ])
  }
}
