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

  public let problem: Problem
  /// The whole word. Control characters survive: whoever prints it escapes them.
  public let word: String
  /// Where the word starts, in bytes of UTF-8.
  public let offset: Int
  public let allowed: StaticString

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
