public import Addresses
public import KernelImage

/// Why a compressed stream did not become the bytes it stands for: the codec, where in the stream, what had come out
/// by then, and the number that broke a rule beside the rule.
public struct CodecError: Error, Sendable {
  public enum Code: UInt16, Sendable {
    /// The input ends before the stream does.
    case truncated = 601
    /// The stream breaks its format, or a checksum says that the bytes are not those that were packed.
    case corrupt = 602
    /// The stream yields fewer or more bytes than its container declares.
    case sizeMismatch = 603
    /// The stream declares or yields more bytes than the caller allows.
    case overCap = 604
    /// The format is known by name, or uses a feature, that is not decoded.
    case unsupported = 605
    /// The host refused memory, or the decoder asks for more than it is allowed.
    case outOfMemory = 606
  }

  public let code: Code
  public let codec: PayloadCodec
  /// Where in the compressed input, counted from its first byte. Formats that are decoded a frame at a time (zstd) give
  /// the start of the frame.
  public let offset: FileOffset
  /// How many bytes had been unpacked.
  public let produced: ByteCount
  /// The value that broke a rule: bytes yielded or declared, memory asked for. Nil where no number says it.
  public let found: UInt64?
  /// What `found` was allowed to be.
  public let allowed: ParseError.Allowed?
  /// One sentence, in the library's terms where it has some.
  public let detail: String
}

extension CodecError: CustomStringConvertible {
  public var description: String {
    "\(codec.name): \(detail) (at byte \(offset.value) of the compressed data, after \(produced.value) unpacked bytes)"
  }
}
