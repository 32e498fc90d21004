import Addresses
import KernelImage

/// One run of a decoder: what it was asked for, and the errors that follow from it.
struct Decoding {
  let codec: PayloadCodec
  /// The size that the container declares, or nil where none is known.
  let declared: ByteCount?
  let limits: DecompressionLimits

  /// The buffer for the output: exactly the declared size, or room up to the cap.
  func makeOutput() throws(CodecError) -> OutputBuffer {
    let size = declared ?? limits.cap
    guard size <= limits.cap else { throw declaresTooMuch(size, at: 0) }
    guard var output = OutputBuffer(limit: Int(clamping: size.value)) else {
      throw noMemory(size.value, at: 0, produced: 0)
    }
    // All of a known size becomes writable at once, so that large pages can serve it.
    guard unsafe declared == nil || output.room(for: output.limit) != nil else {
      throw noMemory(size.value, at: 0, produced: 0)
    }
    return output
  }

  /// Decodes the stream at the start of `input` and those of the same format that follow it directly.
  ///
  /// - Returns: the number of input bytes that the streams took up.
  @unsafe
  func decodeStreams(in input: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(CodecError) -> Int {
    var offset = 0
    repeat {
      let end = try unsafe decodeOne(in: input, at: offset, into: &output)
      guard end > offset else { break }
      offset = end
    } while unsafe isFollowed(in: input, at: offset)
    return offset
  }

  /// Decodes one stream that starts at `offset` and gives the offset of its end.
  @unsafe
  private func decodeOne(
    in input: UnsafeRawBufferPointer, at offset: Int, into output: inout OutputBuffer
  ) throws(CodecError) -> Int {
    switch codec {
    case .gzip: try unsafe drive(GzipDecoder(), in: input, from: offset, into: &output)
    case .bzip2: try unsafe drive(Bzip2Decoder(), in: input, from: offset, into: &output)
    case .xz, .lzma:
      try unsafe drive(
        LZMADecoder(alone: codec == .lzma, memory: limits.decoderMemory.value), in: input, from: offset, into: &output)
    case .lz4Frame: try unsafe drive(LZ4FrameDecoder(), in: input, from: offset, into: &output)
    case .lz4Legacy: try unsafe decodeLZ4Legacy(in: input, from: offset, into: &output)
    case .zstd: try unsafe decodeZstdFrame(in: input, from: offset, into: &output)
    case .none: try unsafe copy(input, into: &output)
    case .lzo: throw lzoRefused
    }
  }

  /// Whether another stream of the same format starts at `offset`. Its magic number alone is no stream: the appended
  /// size word is four bytes long and may hold anything.
  @unsafe
  private func isFollowed(in input: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    guard input.count - offset > 4 else { return false }
    switch codec {
    case .gzip, .bzip2, .xz, .lz4Frame, .zstd: break
    case .lzma, .lzo, .lz4Legacy, .none: return false
    }
    let rest = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: input[offset...]))
    return PayloadCodec(magicIn: rest, at: 0) == codec
  }

  /// The stream that is not packed at all. Bytes after the declared size are not its own.
  @unsafe
  private func copy(_ input: UnsafeRawBufferPointer, into output: inout OutputBuffer) throws(CodecError) -> Int {
    guard input.count <= output.limit || declared != nil else {
      throw tooMuch(at: output.limit, produced: UInt64(input.count), exact: true)
    }
    let size = min(input.count, output.limit)
    guard let room = unsafe output.room(for: size) else { throw noMemory(UInt64(size), at: 0, produced: 0) }
    // SAFETY: `room` holds at least `size` bytes and is no part of the input.
    unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<size]))
    output.advance(by: size)
    return size
  }
}
