public import Addresses

/// A kernel file that is open: mapped, and its compressed wrappers taken off.
public final class OpenedImage: Sendable {
  public let file: MappedFile
  private let peeled: PeeledImage

  /// - Throws: ``OpeningError`` for a file that cannot be read and for a wrapper that cannot be unpacked.
  public init(path: String, limits: DecompressionLimits = .standard) throws(OpeningError) {
    do throws(FileError) { file = try MappedFile(path: path, cap: limits.cap) } catch { throw .file(error) }
    do throws(CodecError) {
      peeled = try file.withBytes { (bytes) throws(CodecError) in try ImageOpener.peel(bytes, limits: limits) }
    } catch {
      throw .codec(error)
    }
  }

  /// The wrappers that were taken off, outermost first.
  public var layers: [PeeledLayer] { peeled.layers }

  /// The size of the innermost bytes.
  public var count: ByteCount { peeled.unpacked?.count ?? file.count }

  /// Lends the innermost bytes to `body`.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let unpacked = peeled.unpacked { return try unpacked.withBytes(body) }
    return try file.withBytes(body)
  }
}

/// Why a kernel file could not be opened.
public enum OpeningError: Error, Sendable {
  case file(FileError)
  case codec(CodecError)
}
