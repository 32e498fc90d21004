import Addresses
import KernelImage

extension Decoding {
  func failure(_ code: CodecError.Code, at offset: Int, produced: Int, _ detail: String) -> CodecError {
    CodecError(
      code: code, codec: codec, offset: FileOffset(truncating: UInt64(offset)), produced: ByteCount(UInt64(produced)),
      found: nil, allowed: nil, detail: detail)
  }

  func truncated(at offset: Int, produced: Int) -> CodecError {
    failure(.truncated, at: offset, produced: produced, "the compressed data ends before the stream does")
  }

  /// The output is full and there is more to come. `exact` says that `total` is all of it, not just a lower bound.
  func tooMuch(at offset: Int, produced total: UInt64, exact: Bool) -> CodecError {
    let amount = exact ? "\(total)" : "at least \(total)"
    guard let declared else {
      return numbered(
        .overCap, at: offset, produced: limits.cap, found: total, allowed: .atMost(limits.cap.value),
        "unpacks to \(amount) bytes, the cap is \(limits.cap.value): raise it with --max-size")
    }
    return numbered(
      .sizeMismatch, at: offset, produced: declared, found: total, allowed: .exactly(declared.value),
      "declares \(declared.value) bytes and yields \(amount)")
  }

  /// A stream or its container names a size above the cap.
  func declaresTooMuch(_ size: ByteCount, at offset: Int) -> CodecError {
    numbered(
      .overCap, at: offset, produced: .zero, found: size.value, allowed: .atMost(limits.cap.value),
      "declares \(size.value) bytes, the cap is \(limits.cap.value): raise it with --max-size")
  }

  /// Fails when the streams ended before the declared size was reached.
  func checkComplete(produced: Int, at offset: Int) throws(CodecError) {
    guard let declared, UInt64(produced) < declared.value else { return }
    throw numbered(
      .sizeMismatch, at: offset, produced: ByteCount(UInt64(produced)), found: UInt64(produced),
      allowed: .exactly(declared.value), "declares \(declared.value) bytes and yields \(produced)")
  }

  func noMemory(_ size: UInt64, at offset: Int, produced: Int) -> CodecError {
    CodecError(
      code: .outOfMemory, codec: codec, offset: FileOffset(truncating: UInt64(offset)),
      produced: ByteCount(UInt64(produced)), found: size, allowed: nil,
      detail: "the host refuses memory for \(size) bytes")
  }

  var lzoRefused: CodecError {
    failure(.unsupported, at: 0, produced: 0, "LZO streams are recognised but not unpacked; unpack it with lzop -dc")
  }

  func numbered(
    _ code: CodecError.Code, at offset: Int, produced: ByteCount, found: UInt64, allowed: ParseError.Allowed,
    _ detail: String
  ) -> CodecError {
    CodecError(
      code: code, codec: codec, offset: FileOffset(truncating: UInt64(offset)), produced: produced, found: found,
      allowed: allowed, detail: detail)
  }
}
