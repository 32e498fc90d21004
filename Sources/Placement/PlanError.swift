public import Addresses

/// Why there is no plan: a refusal with its evidence.
public struct PlanError: Error, Equatable, Sendable {
  public enum Code: UInt16, Sendable {
    /// The image is for another machine, or holds no kernel that this loader can enter.
    case wrongImage = 201
    /// The kernel has no 64-bit entry point (setup header before 2.12, or XLF_KERNEL_64 clear).
    case noEntry64 = 202
    /// The machine has no free range that is large enough.
    case noRoom = 203
    /// A place was asked for, or the image demands one, that is not usable memory.
    case notUsable = 204
    /// An address breaks an alignment that the image or the paging mode demands.
    case misaligned = 205
    /// Two pieces or two mappings want the same bytes.
    case overlap = 206
    /// The image carries no relocations, so that it runs only where it was linked.
    case notRelocatable = 207
    /// A relocation is of a kind the loader does not apply, or lies outside the image.
    case badRelocation = 208
    /// A value of the request is outside what the image allows.
    case badRequest = 209
  }

  public var code: Code { words.code }
  /// One sentence with the field and the values.
  public var sentence: String { words.sentence }
  /// What to do about it, where something can be done.
  public var help: String? { words.help }

  /// One reference: an error is moved at every `try`, and a boot loader has hundreds.
  private let words: Words

  @inline(never) public init(_ code: Code, _ sentence: Sentence, help: Sentence? = nil) {
    words = Words(code: code, sentence: sentence.text, help: help?.text)
  }

  public static func == (left: PlanError, right: PlanError) -> Bool {
    left.code.rawValue == right.code.rawValue && left.sentence.isSame(as: right.sentence)
      && (left.help ?? "").isSame(as: right.help ?? "")
  }

  private final class Words: Sendable {
    let code: Code
    let sentence: String
    let help: String?

    init(code: Code, sentence: String, help: String?) {
      self.code = code
      self.sentence = sentence
      self.help = help
    }
  }
}

extension PlanError: CustomStringConvertible {
  public var description: String { sentence }
}
