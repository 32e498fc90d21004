import CCompression

/// One LZ4 frame (or skippable frame), by liblz4, which checks the header's and the content's checksums.
@safe
struct LZ4FrameDecoder: StreamDecoder, ~Copyable {
  private let context: OpaquePointer

  init?() {
    var made: OpaquePointer?
    // SAFETY: the out parameter is a local variable.
    guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))) == 0,
      let context = unsafe made
    else { return nil }
    unsafe self.context = context
  }

  @unsafe
  mutating func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> StreamStep {
    var consumed = input.count
    var produced = output.count
    var options = LZ4F_decompressOptions_t()
    // What was unpacked stays where it is, so the library need not keep a window of its own (lz4frame.h, `stableDst`).
    options.stableDst = 1
    // SAFETY: 1. liblz4 reads `consumed` and writes `produced` bytes at most and stores how many it did;
    // 2. earlier output is in place and unchanged.
    let result = unsafe LZ4F_decompress(
      context, output.baseAddress, &produced, input.baseAddress, &consumed, &options)
    guard LZ4F_isError(result) == 0 else {
      return StreamStep(consumed: 0, produced: 0, outcome: .failed(.corrupt, Self.name(of: result)))
    }
    return StreamStep(consumed: consumed, produced: produced, outcome: result == 0 ? .ended : .more)
  }

  private static func name(of result: Int) -> String {
    // SAFETY: the names are static, NUL-terminated strings.
    guard let name = unsafe LZ4F_getErrorName(result) else { return "liblz4 says \(result)" }
    return unsafe String(cString: name)
  }

  deinit {
    // SAFETY: the context was made by `init` and is freed once.
    _ = unsafe LZ4F_freeDecompressionContext(context)
  }
}
