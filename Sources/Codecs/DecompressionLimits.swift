public import Addresses

/// How much an untrusted stream may make of us.
public struct DecompressionLimits: Hashable, Sendable {
  /// The most bytes a stream may unpack to.
  public let cap: ByteCount
  /// The most memory a decoder may take for itself, beside the output: dictionaries and windows.
  public let decoderMemory: ByteCount

  /// - Parameters:
  ///   - cap: the most bytes a stream may unpack to; 1 GiB where nothing is said.
  ///   - decoderMemory: the decoder's own memory. By default 256 MiB above the cap: the kernel's xz payloads name a
  ///     dictionary of 128 MiB whatever their size, and no dictionary is ever filled with more than the output.
  public init(cap: ByteCount = .gibibytes(1), decoderMemory: ByteCount? = nil) {
    self.cap = cap
    self.decoderMemory = decoderMemory ?? cap.adding(.mebibytes(256)) ?? ByteCount(.max)
  }

  public static var standard: DecompressionLimits { DecompressionLimits() }
}
