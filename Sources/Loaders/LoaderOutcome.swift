import BootProtocols
public import Placement

/// What a loader will do with an image on a machine.
public enum LoaderOutcome: Sendable {
  case loads(LoadPlan)
  /// It says no, in its own words.
  case refuses(Refusal)
  /// It does neither properly: the real one must not be fed with this.
  case misbehaves(Misbehaviour)
}

/// A loader's no.
public struct Refusal: Error, Hashable, Sendable {
  /// The words that the loader prints, without decoration: "segment crosses 4 GiB border".
  public var words: String
  /// Other words that it may print instead, where what decides is not in the image or the machine's map.
  public var alternatives: [String]
  /// The field of the image that it is about, with its value: "program header 1, p_paddr 0x100000000".
  public var evidence: String
  public var rule: Rule

  public init(_ words: String, alternatives: [String] = [], evidence: String, rule: Rule) {
    self.words = words
    self.alternatives = alternatives
    self.evidence = evidence
    self.rule = rule
  }

  /// Everything that the loader may print.
  public var allWords: [String] { [words] + alternatives }
}

/// What a loader does instead of loading or refusing: "corrupts its heap", "hangs".
public struct Misbehaviour: Hashable, Sendable {
  public var effect: String
  public var evidence: String
  public var rule: Rule

  public init(_ effect: String, evidence: String, rule: Rule) {
    self.effect = effect
    self.evidence = evidence
    self.rule = rule
  }
}
