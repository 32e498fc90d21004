import Addresses
import KernelImage

/// Compressed bytes around an image, recognised but not yet unpacked.
struct Wrapper {
  let kind: PeeledLayer.Kind
  let codec: PayloadCodec
  let packedRange: FileRange
  /// What the wrapper says they unpack to.
  let declaredSize: ByteCount?

  /// Recognises a wrapper by its first bytes; nil for what is none.
  init?(in bytes: RawSpan) throws(CodecError) {
    if let zboot = try Self(zbootIn: bytes) {
      self = zboot
      return
    }
    guard let codec = PayloadCodec(magicIn: bytes, at: 0), codec != PayloadCodec.none else { return nil }
    self.codec = codec
    kind = .stream
    packedRange = FileRange(uncheckedStart: FileOffset(0), count: ByteCount(UInt64(bytes.byteCount)))
    declaredSize = nil
  }

  /// An EFI zboot image (Linux, drivers/firmware/efi/libstub/zboot-header.S):
  ///
  ///     0    4      8                12             16 … 24
  ///     MZ   zimg   payload offset   payload size   …    codec's name
  ///
  /// The size leaves out the word with the unpacked size that the build appends; a gzip stream ends with that word by
  /// itself, and there the size includes it (`ZBOOT_SIZE_LEN`, Makefile.zboot).
  private init?(zbootIn bytes: RawSpan) throws(CodecError) {
    guard bytes.load(UInt32.self, at: 0) == 0x0000_5A4D, bytes.load(UInt32.self, at: 4) == 0x676D_697A,
      let offset = bytes.load(UInt32.self, at: 8).map(UInt64.init),
      let size = bytes.load(UInt32.self, at: 12).map(UInt64.init)
    else { return nil }
    let codec = PayloadCodec(magicIn: bytes, at: offset)
    guard bytes.holds(size, at: offset) else {
      throw CodecError(
        code: .truncated, codec: codec ?? PayloadCodec.none, offset: FileOffset(12), produced: .zero, found: size,
        allowed: .atMost(UInt64(bytes.byteCount).subtractingOrZero(offset)),
        detail: "the zboot header puts its payload of \(size) bytes at \(offset), outside the file")
    }
    guard let codec else {
      throw CodecError(
        code: .unsupported, codec: .none, offset: FileOffset(truncating: offset), produced: .zero, found: nil,
        allowed: nil, detail: "the zboot payload at \(offset) starts with no codec's magic")
    }
    self.codec = codec
    kind = .efiZboot
    packedRange = FileRange(uncheckedStart: FileOffset(truncating: offset), count: ByteCount(size))
    let word = codec == .gzip ? (offset &+ size).subtractingOrZero(4) : offset &+ size
    declaredSize = bytes.load(UInt32.self, at: word).map { ByteCount(UInt64($0)) }
  }
}

extension UInt64 {
  fileprivate func subtractingOrZero(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
