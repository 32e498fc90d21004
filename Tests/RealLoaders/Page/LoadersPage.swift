import Loaders
import Placement

/// `Documentation/Loaders.md`: what each loader does with a property of an image. Every word about a loader is its
/// model's answer.
public enum LoadersPage {
  public static var text: String {
    var page = Self.introduction
    for format in PageFormat.all { page += section(format) }
    return page + unspecified
  }

  private static let introduction = """
    # What each loader does with an image

    `swift run agreement page` writes this page from the models in `Sources/Loaders`; a test holds it to them. `make
    agreement` holds the models to the real loaders. For an image of your own ask `perch check FILE`; `perch plan --loader
    NAME FILE` has the details.

    Each table spoils a sound image in one respect. The machine has 1 GiB of memory. Loaders that do the same share a row.

    | sign | meaning |
    | --- | --- |
    | ✓ | boots |
    | ! | boots, but something goes wrong or is left out |
    | ✗ | refuses, in these words |
    | ☠ | does harm to itself or its machine: do not feed |


    """

  private static func section(_ format: PageFormat) -> String {
    var text = "## \(format.title)\n\n\(format.sound)\n\n"
    let answers = format.properties.map { property in
      (property, format.loaders.map { ($0, Answer($0, property)) })
    }
    text += overview(format.loaders, answers.map { ($0.0.name, $0.1.map(\.1.sign)) })
    for (property, given) in answers {
      text += "\n### \(property.name)\n\n| loader | what it does | rule |\n| --- | --- | --- |\n"
      for row in grouped(given) { text += row }
    }
    return text + "\n"
  }

  private static func overview(_ loaders: [LoaderName], _ rows: [(String, [String])]) -> String {
    var text = loaders.enumerated().map { "\($0 + 1) `\($1.rawValue)`" }.joined(separator: " · ") + "\n\n"
    text += "| property | " + loaders.indices.map { "\($0 + 1)" }.joined(separator: " | ") + " |\n"
    text += "| --- |" + String(repeating: " :-: |", count: loaders.count) + "\n"
    for (name, signs) in rows { text += "| \(name) | " + signs.joined(separator: " | ") + " |\n" }
    return text
  }

  /// Those who do the same, in the order of their first.
  private static func grouped(_ answers: [(LoaderName, Answer)]) -> [String] {
    var order: [Answer] = []
    var names: [Answer: [String]] = [:]
    for (loader, answer) in answers {
      if names[answer] == nil { order.append(answer) }
      names[answer, default: []].append("`\(loader.rawValue)`")
    }
    return order.map { "| \(names[$0, default: []].joined(separator: ", ")) | \($0.sign) \($0.text) | \($0.rule) |\n" }
  }

  /// What the models leave open: each rule once, registers of the sound images.
  private static var unspecified: String {
    var text = """
      ## Unspecified

      What differs from run to run, or what nobody promises. The models say so, and no comparison looks at it.

      | loader | what | why |
      | --- | --- | --- |

      """
    var rows: [String] = []
    for format in PageFormat.all {
      for (index, property) in format.properties.enumerated() {
        for loader in format.loaders { rows += open(loader, property, withRegisters: index == 0) }
      }
    }
    var seen: Set<String> = []
    for row in rows.sorted() where seen.insert(row).inserted { text += row }
    return text
  }

  private static func open(_ loader: LoaderName, _ property: PageFormat.Property, withRegisters: Bool) -> [String] {
    let request = PagePlace(loader).request(modules: property.modules)
    guard case .loads(let plan) = property.bytes(loader).withRawSpan({ loader.model($0, request) }) else { return [] }
    let remarks = plan.remarks.filter { $0.kind == .unspecified || $0.kind == .notZeroed }
    let registers = plan.entry.registers.filter { withRegisters && $0.value == .unspecified }
    return remarks.map { "| `\(loader.rawValue)` | memory | \($0.rule.text) (\($0.rule.source)) |\n" }
      + registers.map { "| `\(loader.rawValue)` | `\($0.name)` | \($0.meaning) |\n" }
  }
}

/// What a model says of an image, in one line.
private struct Answer: Hashable {
  let sign: String
  let text: String
  let rule: String

  init(_ loader: LoaderName, _ property: PageFormat.Property) {
    let request = PagePlace(loader).request(modules: property.modules)
    switch property.bytes(loader).withRawSpan({ loader.model($0, request) }) {
    case .loads(let plan):
      let remarks = plan.remarks.filter { $0.kind != .unspecified }
      sign = remarks.isEmpty ? "✓" : "!"
      text = remarks.isEmpty ? "boots" : remarks.map { Self.sentence($0.sentence) }.joined(separator: " ")
      rule = remarks.map { Self.line($0.rule) }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        .joined(separator: "; ")
    case .refuses(let refusal):
      sign = "✗"
      text = (refusal.words.isEmpty ? "(without a word)" : "“\(refusal.words)”") + ": " + refusal.evidence
      rule = Self.line(refusal.rule)
    case .misbehaves(let misbehaviour):
      sign = "☠"
      text = misbehaviour.effect + ": " + misbehaviour.evidence
      rule = Self.line(misbehaviour.rule)
    }
  }

  private static func sentence(_ text: String) -> String { text.hasSuffix(".") ? text : text + "." }

  private static func line(_ rule: Rule) -> String { "\(rule.text) (\(rule.source))" }
}
