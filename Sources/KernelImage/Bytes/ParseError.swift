public import Addresses

/// Why bytes could not be read as what they claim to be: the field, where it lies, what it holds and what it may hold.
public struct ParseError: Error, Sendable {
  public enum Code: UInt16, Sendable {
    /// The bytes end before the field does.
    case truncated = 101
    /// The file is nothing Perch knows.
    case unrecognised = 102
    /// The field's value is outside what the format allows.
    case invalidValue = 103
    /// A table or a piece that the field points at lies outside the file.
    case outsideFile = 104
    /// The format is known, this variant of it is not decoded.
    case unsupported = 105
    /// More entries than a well-formed image can have.
    case tooMany = 106
  }

  /// What the field would have been allowed to hold.
  public enum Allowed: Sendable {
    case exactly(UInt64)
    case atLeast(UInt64)
    case atMost(UInt64)
    case multipleOf(UInt64)
    /// A rule in words, where a number cannot say it.
    case rule(StaticString)
  }

  public var code: Code { evidenced.code }
  /// The field, in the specification's spelling: "program header 3: p_offset".
  public var field: String { evidenced.field }
  /// Where the field lies in the bytes that were parsed.
  public var offset: FileOffset { evidenced.offset }
  public var found: UInt64 { evidenced.found }
  public var allowed: Allowed { evidenced.allowed }

  /// One reference: an error is moved at every `try`, and a boot loader has hundreds.
  private let evidenced: Evidence

  @inline(never) public init(_ code: Code, field: Sentence, at offset: UInt64, found: UInt64, allowed: Allowed) {
    evidenced = Evidence(code, field.text, FileOffset(truncating: offset), found, allowed)
  }

  private final class Evidence: Sendable {
    let code: Code
    let field: String
    let offset: FileOffset
    let found: UInt64
    let allowed: Allowed

    init(_ code: Code, _ field: String, _ offset: FileOffset, _ found: UInt64, _ allowed: Allowed) {
      self.code = code
      self.field = field
      self.offset = offset
      self.found = found
      self.allowed = allowed
    }
  }
}
