public import Loaders
public import Placement

extension Diagnostic {
  /// A loader's no, in its own words.
  public init(_ refusal: Refusal, by loader: LoaderName, path: String) {
    self.init(
      code: 701,
      "\(loader.rawValue) \(refusal.words.isEmpty ? "refuses, without a word" : "refuses: \(refusal.words)")",
      at: Location(path: path),
      evidence: [refusal.evidence].filter { !$0.isEmpty }, notes: ["rule: \(refusal.rule.line)"])
  }

  /// What a loader must not be fed with.
  public init(_ misbehaviour: Misbehaviour, by loader: LoaderName, path: String) {
    self.init(
      code: 702, "\(loader.rawValue) must not be fed with this: \(misbehaviour.effect)", at: Location(path: path),
      evidence: [misbehaviour.evidence].filter { !$0.isEmpty }, notes: ["rule: \(misbehaviour.rule.line)"])
  }
}
