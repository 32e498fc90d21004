import Addresses
import CCompression
import KernelImage

// Zstandard (RFC 8878), a frame at a time straight into the output: the output is the window, so a frame may ask for a
// window of 2 GiB (`zstd --ultra --long=31`) without costing any memory beside it.

extension Decoding {
  @unsafe
  func decodeZstdFrame(
    in input: UnsafeRawBufferPointer, from start: Int, into output: inout OutputBuffer
  ) throws(CodecError) -> Int {
    let rest = unsafe UnsafeRawBufferPointer(rebasing: input[start...])
    // SAFETY: libzstd reads no byte past the count it is given.
    let size = unsafe ZSTD_findFrameCompressedSize(rest.baseAddress, rest.count)
    guard ZSTD_isError(size) == 0 else { throw zstdFailure(size, at: start, end: input.count, produced: output.count) }
    let frame = unsafe UnsafeRawBufferPointer(rebasing: rest[..<size])
    try unsafe unpack(frame, bound: zstdBound(frame, at: start, produced: output.count), at: start, into: &output)
    return start + size
  }

  /// The most bytes the frame can unpack to; an error where it declares more than there may be.
  @unsafe
  private func zstdBound(_ frame: UnsafeRawBufferPointer, at offset: Int, produced: Int) throws(CodecError) -> UInt64 {
    let content = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    guard content < ZSTD_CONTENTSIZE_ERROR.magnitude else {
      return unsafe ZSTD_decompressBound(frame.baseAddress, frame.count)
    }
    let (total, overflow) = content.addingReportingOverflow(UInt64(produced))
    guard !overflow, total <= declared?.value ?? limits.cap.value else {
      throw tooMuch(at: offset, produced: overflow ? .max : total, exact: true)
    }
    return content
  }

  @unsafe
  private func unpack(
    _ frame: UnsafeRawBufferPointer, bound: UInt64, at offset: Int, into output: inout OutputBuffer
  ) throws(CodecError) {
    guard let room = unsafe output.room(for: Int(clamping: bound)) else {
      throw noMemory(bound, at: offset, produced: output.count)
    }
    guard let context = unsafe ZSTD_createDCtx() else { throw noMemory(0, at: offset, produced: output.count) }
    defer { _ = unsafe ZSTD_freeDCtx(context) }
    // SAFETY: libzstd reads the frame, writes no byte past the room, and the context is this function's own.
    let written = unsafe ZSTD_decompressDCtx(context, room.baseAddress, room.count, frame.baseAddress, frame.count)
    if ZSTD_isError(written) == 0 { return output.advance(by: written) }
    if ZSTD_getErrorCode(written) == ZSTD_error_dstSize_tooSmall {
      throw tooMuch(at: offset, produced: UInt64(output.limit) + 1, exact: false)
    }
    throw zstdFailure(written, at: offset, end: offset + frame.count, produced: output.count)
  }

  private func zstdFailure(_ result: Int, at offset: Int, end: Int, produced: Int) -> CodecError {
    // SAFETY: the names are static, NUL-terminated strings.
    let name = unsafe ZSTD_getErrorName(result).map { unsafe String(cString: $0) } ?? "libzstd says \(result)"
    switch ZSTD_getErrorCode(result) {
    case ZSTD_error_srcSize_wrong: return truncated(at: end, produced: produced)
    case ZSTD_error_memory_allocation: return noMemory(0, at: offset, produced: produced)
    case ZSTD_error_frameParameter_unsupported, ZSTD_error_frameParameter_windowTooLarge,
      ZSTD_error_version_unsupported:
      return failure(.unsupported, at: offset, produced: produced, name)
    default: return failure(.corrupt, at: offset, produced: produced, name)
    }
  }
}
