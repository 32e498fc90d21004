import Loaders
import Placement

/// What loaders say to one image, as a document.
public struct CheckReport {
  private let verdicts: [LoaderVerdict]
  private let layers: [String]

  /// - Parameter layers: what was unpacked before the loaders saw the image, outermost first: "gzip".
  public init(_ verdicts: [LoaderVerdict], layers: [String] = []) {
    self.verdicts = verdicts
    self.layers = layers
  }

  /// Whether a finding is at least as bad as `level`.
  public func hasFinding(atLeast level: Diagnostic.Severity) -> Bool {
    let rank: (Diagnostic.Severity) -> Int = { [.note: 0, .warning: 1, .error: 2][$0] ?? 0 }
    return verdicts.contains { $0.severity.map { rank($0) >= rank(level) } ?? false }
  }

  /// What `perch check` says about one file.
  ///
  /// - Parameter name: the file's, where there are several.
  public func document(named name: String? = nil) -> Document {
    let own = verdicts.filter { !Self.isBystander($0) }
    let bystanders = verdicts.filter { Self.isBystander($0) }
    var sections = [
      Section(
        "image", title: "Image", .facts([Fact("layers", "unpacked", .list(layers.map { .text($0) }))]), for: .programs),
      Section("loaders", title: "Loaders", .grid(grid), for: .programs),
    ]
    for (key, title, verdicts) in [("own", "Loaders", own), ("others", "Not asked for", bystanders)]
    where !verdicts.isEmpty {
      sections.append(Section(key, title: title, .statements(verdicts.map(Self.statement)), for: .people))
    }
    var summary = summary
    if let name { summary[0] = "\(name): \(summary[0])" }
    return Document(verb: "check", summary: summary, sections: sections)
  }

  /// A loader that nobody asks for and that does no harm.
  private static func isBystander(_ verdict: LoaderVerdict) -> Bool { !verdict.isAsked && verdict.severity == nil }

  private var summary: [String] {
    let asked = verdicts.filter(\.isAsked)
    let boots = asked.count(where: \.isBooting)
    let all = Self.plural(verdicts.count, "loader")
    let answer =
      asked.count == verdicts.count
      ? "\(boots) of \(all) \(boots == 1 ? "boots" : "boot") it."
      : asked.isEmpty
        ? "The image asks for none of \(all)."
        : "The image asks for \(asked.count) of \(all): \(boots) \(boots == 1 ? "boots" : "boot") it."
    let errors = verdicts.count { $0.severity == .error }
    let warnings = verdicts.count { $0.severity == .warning }
    let findings =
      errors + warnings == 0
      ? "No findings." : "Findings: \(Self.plural(errors, "error")), \(Self.plural(warnings, "warning"))."
    let unpacked =
      layers.isEmpty ? [] : ["The loaders are asked about what is inside: \(layers.joined(separator: ", "))."]
    return ["\(answer) \(findings)"] + unpacked
  }

  private static func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private static func statement(_ verdict: LoaderVerdict) -> Statement {
    var parts: [String] = []
    if case .loads(let plan) = verdict.outcome { parts.append("read as \(plan.reading)") }
    if let evidence = verdict.evidence { parts.append(evidence) }
    if let rule = verdict.rule { parts.append("rule: \(rule.line)") }
    return Statement(
      verdict.loader.rawValue, gist: verdict.gist, role: verdict.role, detail: verdict.detail,
      because: parts.joined(separator: "; "))
  }

  private var grid: Grid {
    let keys = ["loader", "verdict", "severity", "addressed", "reading", "words", "evidence", "rule", "remarks"]
    return Grid(keys.map { .init($0, "") }, rows: verdicts.map(Self.row))
  }

  private static func row(_ verdict: LoaderVerdict) -> [Value] {
    var reading: String?
    var words: String?
    var remarks: [JSONValue] = []
    switch verdict.outcome {
    case .loads(let prediction):
      reading = prediction.reading
      remarks = prediction.remarks.map(\.json)
    case .refuses(let refusal): words = refusal.words
    case .misbehaves(let misbehaviour): words = misbehaviour.effect
    }
    let isLoaded = reading != nil
    return [
      .text(verdict.loader.rawValue), .text(verdict.kind.rawValue),
      .optional(verdict.severity.map { .text($0.rawValue) }), .flag(verdict.isAddressed),
      .optional(reading.map { .text($0) }), .optional(words.map { .text($0) }),
      .optional(verdict.evidence.map { .text($0) }),
      .spelled(text: "", json: isLoaded ? .null : verdict.rule?.json ?? .null),
      .spelled(text: "", json: .array(remarks)),
    ]
  }
}
