/// How the kernel inside an image is compressed, recognised by its first bytes (Linux, lib/decompress.c and the
/// formats' own specifications).
public enum PayloadCodec: UInt8, CaseIterable, Hashable, Sendable {
  case gzip
  case bzip2
  /// LZMA alone: the 13-byte header, no container.
  case lzma
  case xz
  /// The lzop container.
  case lzo
  /// LZ4's legacy frame (`lz4 -l`), which Linux uses.
  case lz4Legacy
  /// LZ4's current frame format.
  case lz4Frame
  case zstd
  /// Not compressed: the payload is the ELF file itself.
  case none

  /// Recognises the codec of the bytes that start at `offset`; nil when no magic fits.
  public init?(magicIn bytes: RawSpan, at offset: UInt64) {
    guard let codec = Self.allCases.first(where: { $0.hasMagic(in: bytes, at: offset) }) else { return nil }
    self = codec
  }

  /// The name people use: "LZ4 (legacy frame)".
  public var name: String {
    switch self {
    case .gzip: "gzip"
    case .bzip2: "bzip2"
    case .lzma: "LZMA"
    case .xz: "XZ"
    case .lzo: "LZO"
    case .lz4Legacy: "LZ4 (legacy frame)"
    case .lz4Frame: "LZ4 (frame)"
    case .zstd: "Zstandard"
    case .none: "none"
    }
  }

  private func hasMagic(in bytes: RawSpan, at offset: UInt64) -> Bool {
    func starts(with word: UInt32, mask: UInt32 = .max) -> Bool {
      guard let found = bytes.load(UInt32.self, at: offset) else { return false }
      return found & mask == word
    }
    return switch self {
    // RFC 1952, 2.3.1: ID1, ID2, and CM 8. The older 1F 9E, which lib/decompress.c also takes, has no writer left.
    case .gzip: starts(with: 0x08_8b1f, mask: 0xff_ffff)
    // "BZh" and the block size, '1' to '9'.
    case .bzip2: starts(with: 0x68_5a42, mask: 0xff_ffff) && (bytes.load(UInt8.self, at: offset &+ 3) ?? 0) &- 0x31 < 9
    // The properties lc=3 lp=0 pb=2, and the low half of a dictionary size that is a multiple of 64 KiB.
    case .lzma: starts(with: 0x00_005d, mask: 0xff_ffff)
    case .xz: starts(with: 0x587a_37fd) && bytes.load(UInt16.self, at: offset &+ 4) == 0x005a
    case .lzo: starts(with: 0x4f5a_4c89)
    case .lz4Legacy: starts(with: 0x184c_2102)
    case .lz4Frame: starts(with: 0x184d_2204)
    // RFC 8878, 3.1.1.
    case .zstd: starts(with: 0xfd2f_b528)
    case .none: starts(with: 0x464c_457f)
    }
  }
}
