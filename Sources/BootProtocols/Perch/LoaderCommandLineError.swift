import Addresses

/// Why a loader's command line could not be read: the word, where it stands and what is allowed there.
public struct LoaderCommandLineError: Error, Sendable {
  public enum Problem: Hashable, Sendable {
    /// No such word.
    case unknown
    /// What stands behind `=` is not allowed, or is missing.
    case value
    /// The word stands there for a second time, or against another.
    case contradiction
  }

  public var problem: Problem { evidence.problem }
  /// The whole word. Control characters survive: whoever prints it escapes them.
  public var word: String { evidence.word }
  /// Where the word starts, in bytes of UTF-8.
  public var offset: Int { evidence.offset }
  public var allowed: StaticString { evidence.allowed }

  /// One reference: an error is moved at every `try`.
  private let evidence: Evidence

  @inline(never) init(_ problem: Problem, word: String, offset: Int, allowed: StaticString) {
    evidence = Evidence(problem, word, offset, allowed)
  }

  private final class Evidence: Sendable {
    let problem: Problem
    let word: String
    let offset: Int
    let allowed: StaticString

    init(_ problem: Problem, _ word: String, _ offset: Int, _ allowed: StaticString) {
      self.problem = problem
      self.word = word
      self.offset = offset
      self.allowed = allowed
    }
  }

  /// "word 'physical=here' at byte 7: its value is not understood; allowed: …"
  public var message: String {
    let reason: Sentence =
      switch problem {
      case .unknown: "it is unknown"
      case .value: "its value is not understood"
      case .contradiction: "it contradicts a word before it"
      }
    return text("word '\(word)' at byte \(offset) of the command line: \(reason); allowed: \(allowed)")
  }
}
