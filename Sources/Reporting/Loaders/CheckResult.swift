/// What `perch check` found out about several files.
public struct CheckResult {
  /// One of them.
  public struct File {
    public enum Content {
      case report(CheckReport)
      /// Why there is none.
      case unreadable(Diagnostic)
    }

    /// As the user wrote it.
    public var path: String
    /// In bytes, where it could be read.
    public var size: UInt64?
    public var content: Content

    public init(path: String, size: UInt64?, _ content: Content) {
      self.path = path
      self.size = size
      self.content = content
    }
  }

  /// 2.0 is the first with several files in one document.
  public static var schemaVersion: String { "2.0" }

  public var files: [File]

  public init(_ files: [File]) { self.files = files }

  /// Whether any file could be read.
  public var hasReport: Bool {
    files.contains { file in
      if case .report = file.content { true } else { false }
    }
  }

  /// Whether a finding in any file is at least as bad as `level`.
  public func hasFinding(atLeast level: Diagnostic.Severity) -> Bool {
    files.contains { file in
      if case .report(let report) = file.content { report.hasFinding(atLeast: level) } else { false }
    }
  }

  /// One document after the other, each with the file's name where several were asked for; nothing about those that
  /// could not be read.
  public func text(style: Style) -> String {
    let documents = files.compactMap { file -> Document? in
      guard case .report(let report) = file.content else { return nil }
      return report.document(named: files.count > 1 ? file.path : nil)
    }
    return documents.map { $0.text(style: style) }.joined(separator: "\n")
  }

  /// All files in one document.
  ///
  /// - Parameter tool: name and version of the program: "perch 0.1.0".
  public func json(tool: String) -> JSONValue {
    .members([
      "schema": .string("perch.check"), "schemaVersion": .string(Self.schemaVersion), "tool": .string(tool),
      "result": .members(["files": .array(files.map(\.json))]),
    ])
  }
}

extension CheckResult.File {
  var json: JSONValue {
    let input = JSONValue.members([
      "path": .string(path), "size": size.map { .count($0) } ?? .null,
    ])
    switch content {
    case .report(let report):
      return .object([.init("input", input), .init("error", .null)] + report.document().members)
    case .unreadable(let diagnostic):
      return .members([
        "input": input, "error": diagnostic.json, "image": .null, "loaders": .array([]),
      ])
    }
  }
}
