import CCompression

/// One .xz stream with any filter chain (LZMA2, the x86 and ARM branch converters, delta), or one legacy .lzma stream
/// with its 13-byte header and known or unknown size, by liblzma, which checks what integrity check the stream has.
@safe
struct LZMADecoder: StreamDecoder, ~Copyable {
  private var stream = unsafe lzma_stream()

  /// `LZMA_TELL_UNSUPPORTED_CHECK` (lzma/container.h), a macro with a cast that Swift does not import.
  private static var tellUnsupportedCheck: UInt32 { 2 }

  /// - Parameters:
  ///   - alone: whether the stream is a legacy .lzma one.
  ///   - memory: the bytes the decoder may allocate, nearly all of them for its dictionary.
  init?(alone: Bool, memory: UInt64) {
    // SAFETY: a zeroed `lzma_stream` is `LZMA_STREAM_INIT` (lzma/base.h), and it may move between calls.
    let result =
      alone
      ? unsafe lzma_alone_decoder(&stream, memory)
      : unsafe lzma_stream_decoder(&stream, memory, Self.tellUnsupportedCheck)
    guard result == LZMA_OK else { return nil }
  }

  @unsafe
  mutating func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> StreamStep {
    // SAFETY: liblzma reads `avail_in` and writes `avail_out` bytes at most.
    unsafe stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.avail_in = input.count
    unsafe stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.avail_out = output.count
    let result = unsafe lzma_code(&stream, LZMA_RUN)
    let consumed = unsafe input.count - stream.avail_in
    let produced = unsafe output.count - stream.avail_out
    return StreamStep(consumed: consumed, produced: produced, outcome: outcome(of: result))
  }

  private mutating func outcome(of result: lzma_ret) -> StreamStep.Outcome {
    switch result {
    case LZMA_OK, LZMA_BUF_ERROR: .more
    case LZMA_STREAM_END: .ended
    case LZMA_MEM_ERROR: .failed(.outOfMemory, "liblzma has no memory")
    case LZMA_MEMLIMIT_ERROR: unsafe .overMemory(needed: lzma_memusage(&stream), allowed: lzma_memlimit_get(&stream))
    case LZMA_FORMAT_ERROR: .failed(.corrupt, "the stream header is not that of the format")
    case LZMA_OPTIONS_ERROR: .failed(.unsupported, "the stream asks for a filter or an option that liblzma lacks")
    case LZMA_UNSUPPORTED_CHECK: .failed(.unsupported, "the stream's integrity check is of a kind that liblzma lacks")
    case LZMA_DATA_ERROR: .failed(.corrupt, "the data is malformed or its integrity check does not match")
    default: .failed(.corrupt, "liblzma says \(result.rawValue)")
    }
  }

  deinit {
    // SAFETY: the stream was set up by `init` and is torn down once, through a copy whose fields are the same.
    var ending = unsafe stream
    unsafe lzma_end(&ending)
  }
}
