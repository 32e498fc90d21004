import CCompression

/// One bzip2 stream, by libbz2, which checks the CRC of each block and of the whole.
@safe
struct Bzip2Decoder: StreamDecoder, ~Copyable {
  /// On the heap because libbz2 keeps the address of its stream.
  private let stream: UnsafeMutablePointer<bz_stream>

  init?() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: bz_stream())
    // SAFETY: the stream is zeroed, as libbz2 asks for, and stays where it is until `deinit`.
    guard unsafe BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
      unsafe stream.deallocate()
      return nil
    }
  }

  @unsafe
  mutating func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> StreamStep {
    let given = UInt32(clamping: input.count)
    let room = UInt32(clamping: output.count)
    // SAFETY: 1. libbz2 reads `avail_in` and writes `avail_out` bytes at most; 2. it does not write through `next_in`.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
    unsafe stream.pointee.avail_in = given
    unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
    unsafe stream.pointee.avail_out = room
    let result = unsafe BZ2_bzDecompress(stream)
    return unsafe StreamStep(
      consumed: Int(given - stream.pointee.avail_in), produced: Int(room - stream.pointee.avail_out),
      outcome: outcome(of: result))
  }

  private func outcome(of result: Int32) -> StreamStep.Outcome {
    switch result {
    case BZ_OK: .more
    case BZ_STREAM_END: .ended
    case BZ_MEM_ERROR: .failed(.outOfMemory, "libbz2 has no memory")
    case BZ_DATA_ERROR_MAGIC: .failed(.corrupt, "the stream does not start with BZh and a level of 1 to 9")
    case BZ_DATA_ERROR: .failed(.corrupt, "a block is malformed or its CRC does not match")
    default: .failed(.corrupt, "libbz2 says \(result)")
    }
  }

  deinit {
    // SAFETY: the stream was set up by `init` and is torn down once.
    _ = unsafe BZ2_bzDecompressEnd(stream)
    unsafe stream.deallocate()
  }
}
