public import Addresses
public import KernelImage

/// Unpacks a compressed stream into memory of its own.
///
/// With `expected`, the output buffer has exactly that size and is written once, in place; a stream that yields fewer
/// or more bytes is an error that states both numbers. Without it the buffer grows, without copying, up to the cap.
/// Bytes behind the stream's end (the size word that Linux's build appends, a device tree) are left alone and counted
/// out of `UnpackedBytes.inputConsumed`. Streams of the same format that follow each other directly are joined, as
/// their command-line tools do. `.none` copies.
///
/// - Parameters:
///   - input: the stream, from its magic number on.
///   - codec: what the stream is packed with; `.lzo` is refused by name.
///   - expected: the size that the container declares, in bytes.
///   - cap: the most bytes the stream may unpack to; a larger declared size is refused before any memory is taken.
/// - Throws: `CodecError`, with the place in the input and the bytes that had come out.
public func decompress(
  _ input: RawSpan, codec: PayloadCodec, expected: ByteCount? = nil, cap: ByteCount
) throws(CodecError) -> UnpackedBytes {
  try decompress(input, codec: codec, expected: expected, limits: DecompressionLimits(cap: cap))
}

/// Unpacks a compressed stream into memory of its own, with the decoder's own memory limited as well.
/// See `decompress(_:codec:expected:cap:)`.
public func decompress(
  _ input: RawSpan, codec: PayloadCodec, expected: ByteCount? = nil, limits: DecompressionLimits = .standard
) throws(CodecError) -> UnpackedBytes {
  let decoding = Decoding(codec: codec, declared: expected, limits: limits)
  guard codec != .lzo else { throw decoding.lzoRefused }
  var output = try decoding.makeOutput()
  // SAFETY: the pointer is used only inside the call, while the span keeps the bytes alive.
  let consumed = try unsafe input.withUnsafeBytes { (bytes) throws(CodecError) -> Int in
    try unsafe decoding.decodeStreams(in: bytes, into: &output)
  }
  try decoding.checkComplete(produced: output.count, at: consumed)
  return output.finish(inputConsumed: consumed)
}
