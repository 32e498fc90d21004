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

  /// The document of `perch check`.
  public var document: Document {
    let own = verdicts.filter { !Self.isBystander($0) }
    let bystanders = verdicts.filter { Self.isBystander($0) }
    var sections = [
      Section(
        "image", title: "Image", .facts([Fact("layers", "unpacked", .list(layers.map { .text($0) }))]), for: .programs),
      Section("loaders", title: "Loaders", .grid(grid), for: .programs),
    ]
    if !own.isEmpty {
      sections.append(Section("own", title: "Loaders", .choices(own.map(Self.choice)), for: .people))
    }
    if !bystanders.isEmpty {
      let grid = Grid(
        [.init("loader", "loader"), .init("says", "says")],
        rows: bystanders.map {
          [.text($0.loader.rawValue), .text($0.isBooting ? "loads it all the same" : $0.sentence)]
        })
      sections.append(Section("others", title: "Not asked for", .grid(grid), for: .people))
    }
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

  private static func choice(_ verdict: LoaderVerdict) -> Choice {
    let parts = [verdict.evidence, verdict.rule.map { "rule: \($0.line)" }].compactMap { $0 }
    return Choice(
      verdict.loader.rawValue, choice: verdict.sentence, because: parts.joined(separator: "; "), rejected: [])
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
