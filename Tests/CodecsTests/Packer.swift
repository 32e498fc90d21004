import Addresses
import Codecs
import KernelImage
import Testing

/// A real tool that packs, and the codec that unpacks what it made.
struct Packer: CustomTestStringConvertible, Sendable {
  let codec: PayloadCodec
  let command: String
  var testDescription: String { command }

  static let all = [
    Packer(codec: .gzip, command: "gzip -n -6"),
    Packer(codec: .xz, command: "xz -1 --check=crc32"),
    Packer(codec: .xz, command: "xz --x86 --lzma2=preset=1,dict=128MiB --check=crc32"),
    Packer(codec: .xz, command: "xz --arm --lzma2=preset=0 --check=sha256"),
    Packer(codec: .lzma, command: "xz -1 --format=lzma"),
    Packer(codec: .bzip2, command: "bzip2 -9"),
    Packer(codec: .zstd, command: "zstd -q -3 --ultra --long=27"),
    // From a pipe, as Linux's build does it: the frame header then has no content size.
    Packer(codec: .zstd, command: "cat | zstd -q -1 --ultra --long=27"),
    Packer(codec: .lz4Legacy, command: "lz4 -q -l -1"),
    Packer(codec: .lz4Frame, command: "lz4 -q -1"),
    Packer(codec: .lz4Frame, command: "lz4 -q -1 -BD -B4 --content-size"),
  ]
}

/// What unpacking gives as an array.
func unpack(
  _ bytes: [UInt8], _ codec: PayloadCodec, expected: Int? = nil, cap: ByteCount = .gibibytes(1)
) throws(CodecError) -> [UInt8] {
  // SAFETY: bytes are bytes; the array outlives the call.
  let unpacked = try unsafe decompress(
    bytes.span.bytes, codec: codec, expected: expected.map { ByteCount(UInt64($0)) }, cap: cap)
  return unpacked.withBytes { span in unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } }
}

/// The error that unpacking ends in; nil when it ends well.
func failure(
  _ bytes: [UInt8], _ codec: PayloadCodec, expected: Int? = nil, cap: ByteCount = .gibibytes(1)
) -> CodecError? {
  do {
    _ = try unpack(bytes, codec, expected: expected, cap: cap)
    return nil
  } catch {
    return error
  }
}
