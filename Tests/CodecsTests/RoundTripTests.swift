import Addresses
import Codecs
import KernelImage
import Testing

/// What the real tools pack is unpacked to the same bytes.
@Suite struct RoundTripTests {
  /// The sizes around the block of LZ4's legacy frames, 8 MiB.
  static let sizes = [0, 1, 8 << 20, (8 << 20) + 1, 20 << 20]

  @Test(arguments: Packer.all, sizes) func toolOutputComesBack(packer: Packer, size: Int) throws {
    let original = sample(size)
    let packed = try Workshop().pipe(original, through: packer.command)
    // SAFETY: bytes are bytes; the array outlives the call.
    #expect(unsafe PayloadCodec(magicIn: packed.span.bytes, at: 0) == packer.codec)
    #expect(try unpack(packed, packer.codec) == original)
    #expect(try unpack(packed, packer.codec, expected: size) == original)
    let withSize = packed + sizeWord(size)
    #expect(try unpack(withSize, packer.codec) == original)
    #expect(try unpack(withSize, packer.codec, expected: size) == original)
  }

  static let joinable: [Packer] = [
    Packer(codec: .gzip, command: "gzip -n"), Packer(codec: .bzip2, command: "bzip2"),
    Packer(codec: .xz, command: "xz -1"), Packer(codec: .zstd, command: "zstd -q"),
    Packer(codec: .lz4Frame, command: "lz4 -q"), Packer(codec: .lz4Legacy, command: "lz4 -q -l"),
  ]

  @Test(arguments: joinable) func joinedStreamsAreOneOutput(packer: Packer) throws {
    let workshop = try Workshop()
    let first = sample(100_000)
    let second: [UInt8] = Array("second".utf8)
    let packed = try workshop.pipe(first, through: packer.command) + workshop.pipe(second, through: packer.command)
    #expect(try unpack(packed, packer.codec) == first + second)
    #expect(try unpack(packed + sizeWord(100_006), packer.codec, expected: 100_006) == first + second)
  }

  /// A frame by hand (RFC 8878, 3.1.1): magic; a descriptor of 0 says "window descriptor follows, no content size"; the
  /// window is 2^(10 + exponent) for a mantissa of 0; one raw block, the last, of 5 bytes.
  private func zstdFrame(windowExponent: UInt8) -> [UInt8] {
    [0x28, 0xB5, 0x2F, 0xFD, 0, windowExponent << 3] + [5 << 3 | 1, 0, 0] + Array("frame".utf8)
  }

  @Test func zstdWindowUpTo2GiB() throws {
    #expect(try unpack(zstdFrame(windowExponent: 17), .zstd) == Array("frame".utf8))
    #expect(try unpack(zstdFrame(windowExponent: 21), .zstd) == Array("frame".utf8))
    // libzstd's own limit, ZSTD_WINDOWLOG_MAX, is 31 on 64-bit hosts.
    #expect(failure(zstdFrame(windowExponent: 22), .zstd)?.code == .unsupported)
  }

  @Test func lzmaWithKnownSizeInItsHeader() throws {
    let original = sample(70_000)
    var packed = try Workshop().pipe(original, through: "xz -1 --format=lzma")
    // xz writes the size as unknown (all ones at offset 5) and an end marker; liblzma takes the marker after a known
    // size as well.
    #expect(Array(packed[5..<13]) == [UInt8](repeating: 0xFF, count: 8))
    packed.replaceSubrange(5..<13, with: sizeWord(70_000) + [0, 0, 0, 0])
    #expect(try unpack(packed, .lzma) == original)
  }

  @Test func whatFollowsTheStreamIsCountedOut() throws {
    let packed = try Workshop().pipe(sample(5000), through: "gzip -n")
    let tail: [UInt8] = [0xD0, 0x0D, 0xFE, 0xED, 0, 0, 0, 9]
    let both = packed + tail
    // SAFETY: bytes are bytes; the array outlives the call.
    let unpacked = try unsafe decompress(both.span.bytes, codec: .gzip)
    #expect(unpacked.inputConsumed.value == UInt64(packed.count))
    #expect(unpacked.count.value == 5000)
  }

  @Test func unpackedPayloadIsCopied() throws {
    let original = sample(9000)
    #expect(try unpack(original, .none) == original)
    #expect(try unpack(original + sizeWord(9000), .none, expected: 9000) == original)
  }
}
