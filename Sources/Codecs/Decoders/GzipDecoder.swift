import CCompression

/// One gzip member (RFC 1952), by zlib, which also holds the CRC-32 and the ISIZE of the trailer against the output.
@safe
struct GzipDecoder: StreamDecoder, ~Copyable {
  /// On the heap because zlib keeps the address of its stream.
  private let stream: UnsafeMutablePointer<z_stream>

  /// Window of 2¹⁵ bytes (`MAX_WBITS`), and 16 for "a gzip wrapper and nothing else" (zlib.h, `inflateInit2`).
  private static var windowBits: Int32 { 15 + 16 }

  init?() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // SAFETY: the stream is zeroed, as zlib asks for, and stays where it is until `deinit`.
    let result = unsafe inflateInit2_(stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      unsafe stream.deallocate()
      return nil
    }
  }

  @unsafe
  mutating func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> StreamStep {
    let given = UInt32(clamping: input.count)
    let room = UInt32(clamping: output.count)
    // SAFETY: 1. zlib reads `avail_in` and writes `avail_out` bytes at most; 2. it does not write through `next_in`.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    unsafe stream.pointee.avail_in = given
    unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_out = room
    let result = unsafe inflate(stream, Z_NO_FLUSH)
    return unsafe StreamStep(
      consumed: Int(given - stream.pointee.avail_in), produced: Int(room - stream.pointee.avail_out),
      outcome: outcome(of: result))
  }

  private func outcome(of result: Int32) -> StreamStep.Outcome {
    switch result {
    case Z_OK, Z_BUF_ERROR: .more
    case Z_STREAM_END: .ended
    case Z_MEM_ERROR: .failed(.outOfMemory, "zlib has no memory")
    case Z_NEED_DICT: .failed(.unsupported, "the stream needs a preset dictionary")
    default: .failed(.corrupt, message ?? "zlib says \(result)")
    }
  }

  private var message: String? {
    // SAFETY: zlib's messages are static, NUL-terminated strings.
    guard let text = unsafe stream.pointee.msg else { return nil }
    return unsafe String(cString: text)
  }

  deinit {
    // SAFETY: the stream was set up by `init` and is torn down once.
    _ = unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }
}
