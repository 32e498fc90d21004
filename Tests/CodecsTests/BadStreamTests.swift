import Addresses
import Codecs
import KernelImage
import Testing

/// Streams that are cut off, broken, or not of the size that was declared.
@Suite struct BadStreamTests {
  static let size = 150_000

  @Test(arguments: Packer.all) func cutOffStreamsAreRefused(packer: Packer) throws {
    let packed = try Workshop().pipe(sample(Self.size), through: packer.command)
    let step = max(packed.count / 256, 1)
    for length in Array(0..<32) + Array(stride(from: 32, to: packed.count, by: step)) {
      let error = failure(Array(packed[..<length]), packer.codec, expected: Self.size)
      // A legacy LZ4 stream has no end marker: cut off behind a whole word it is just a shorter one.
      let isShort = packer.codec == .lz4Legacy && error?.code == .sizeMismatch && length < 8
      // So has a stream whose magic number is not yet complete.
      let isUnrecognised = length < 4 && error?.code == .corrupt
      #expect(error?.code == .truncated || isShort || isUnrecognised, "\(length) of \(packed.count)")
      #expect(error.map { $0.offset.value <= UInt64(length) } == true)
    }
  }

  @Test(arguments: Packer.all) func brokenHeaderBytesNeverGiveOtherBytes(packer: Packer) throws {
    let original = sample(Self.size)
    let packed = try Workshop().pipe(original, through: packer.command)
    for index in 0..<40 {
      for value in [0, 0xFF, ~packed[index], packed[index] ^ 1] where value != packed[index] {
        var broken = packed
        broken[index] = value
        guard let found = try? unpack(broken, packer.codec, expected: Self.size) else { continue }
        // Without a checksum only the size can be held against the stream; with one, what comes out is what went in (a
        // time stamp or a file name may change without harm).
        let hasChecksum = packer.codec != .lzma && packer.codec != .lz4Legacy
        #expect(hasChecksum ? found == original : found.count == Self.size, "byte \(index) = \(value)")
      }
    }
  }

  @Test func magicNumbersAreChecked() throws {
    for packer in Packer.all {
      var packed = try Workshop().pipe(sample(1000), through: packer.command)
      packed[0] ^= 0x80
      let error = failure(packed, packer.codec)
      #expect(error?.code == .corrupt && error?.produced == .zero, "\(packer.command)")
    }
  }

  @Test(arguments: Packer.all.filter { $0.codec != .lzma && $0.codec != .lz4Legacy })
  func brokenDataFailsItsChecksum(packer: Packer) throws {
    var packed = try Workshop().pipe(sample(Self.size), through: packer.command)
    packed[packed.count / 2] ^= 0x10
    #expect(failure(packed, packer.codec)?.code == .corrupt)
  }

  @Test func gzipTrailerIsChecked() throws {
    let packed = try Workshop().pipe(sample(Self.size), through: "gzip -n")
    // RFC 1952, 2.3: the last eight bytes are CRC32 and ISIZE.
    for index in 1...8 {
      var broken = packed
      broken[packed.count - index] ^= 1
      let error = failure(broken, .gzip)
      #expect(error?.code == .corrupt)
      #expect(error?.detail == (index <= 4 ? "incorrect length check" : "incorrect data check"))
    }
  }

  @Test(arguments: Packer.all) func declaredSizeIsHeldAgainstTheStream(packer: Packer) throws {
    let packed = try Workshop().pipe(sample(Self.size), through: packer.command)
    for declared in [0, 1, Self.size - 1, Self.size + 1, 2 * Self.size] {
      let error = try #require(failure(packed, packer.codec, expected: declared))
      #expect(error.code == .sizeMismatch)
      guard case .exactly(UInt64(declared)) = error.allowed else {
        Issue.record("\(String(describing: error.allowed))")
        continue
      }
      let found = try #require(error.found)
      // Too few and nearly enough are counted exactly; how far a stream goes on is not pursued without end.
      if declared >= Self.size - 1 { #expect(found == UInt64(Self.size)) }
      #expect(declared > Self.size ? found < UInt64(declared) : found > UInt64(declared))
      #expect(error.detail.contains("declares \(declared) bytes"))
    }
  }

  @Test func declaredSizeAboveTheCapIsRefusedUnseen() {
    let error = failure([0x1F, 0x8B, 8], .gzip, expected: 1 << 62, cap: .mebibytes(16))
    #expect(error?.code == .overCap)
    #expect(error?.found == 1 << 62)
    #expect(error?.detail == "declares 4611686018427387904 bytes, the cap is 16777216: raise it with --max-size")
  }

  @Test func lzoIsRefusedByName() {
    let error = failure([0x89, 0x4C, 0x5A, 0x4F, 0x00, 0x0D, 0x0A, 0x1A, 0x0A], .lzo)
    #expect(error?.code == .unsupported)
    #expect(error?.detail.contains("LZO") == true)
  }

  @Test func lzmaDictionaryAboveTheLimitIsRefused() throws {
    var packed = try Workshop().pipe(sample(1000), through: "xz -1 --format=lzma")
    // The dictionary size is the u32 at offset 1: 3 GiB + 1.5 MiB is not of the form 2^n or 2^n + 2^(n-1); 3 GiB is.
    packed.replaceSubrange(1..<5, with: sizeWord(3 << 30))
    let error = try #require(failure(packed, .lzma))
    #expect(error.code == .outOfMemory)
    #expect(try #require(error.found) > 3 << 30)
  }

  @Test func legacyBlockSizeIsBounded() {
    // 8 MiB + 8 MiB / 255 + 16 = 8,421,520 is the most that 8 MiB can be packed into.
    let error = failure([0x02, 0x21, 0x4C, 0x18] + sizeWord(8_421_521) + [1, 2, 3, 4], .lz4Legacy)
    #expect(error?.code == .corrupt)
    #expect(error?.found == 8_421_521)
    #expect(error?.offset == FileOffset(4))
  }
}
