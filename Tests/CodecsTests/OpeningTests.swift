import Addresses
import Codecs
import KernelImage
import TestSupport
import Testing

/// Wrappers around images, one inside the other.
@Suite struct OpeningTests {
  /// Something that starts like an arm64 image: no wrapper's magic.
  private var image: [UInt8] { [0x4D, 0x5A, 0x40, 0xFA] + sample(60_000) }

  private func peel(_ bytes: [UInt8]) throws(CodecError) -> (layers: [PeeledLayer], bytes: [UInt8]) {
    // SAFETY: bytes are bytes; the array outlives the calls.
    let peeled = try unsafe ImageOpener.peel(bytes.span.bytes)
    let inner = unsafe peeled.withBytes(in: bytes.span.bytes) { span in
      unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
    }
    return (peeled.layers, inner)
  }

  private func layer(_ codec: PayloadCodec, packed: Int, unpacked: Int) -> PeeledLayer {
    PeeledLayer(
      kind: .stream, codec: codec,
      packedRange: FileRange(uncheckedStart: FileOffset(0), count: ByteCount(UInt64(packed))),
      unpackedSize: ByteCount(UInt64(unpacked)))
  }

  @Test func nothingToTakeOff() throws {
    let peeled = try peel(image)
    #expect(peeled.layers.isEmpty)
    #expect(peeled.bytes == image)
    #expect(try peel([]).bytes == [])
  }

  @Test func threeWrappers() throws {
    let workshop = try Workshop()
    let zstd = try workshop.pipe(image, through: "zstd -q")
    let xz = try workshop.pipe(zstd, through: "xz -0")
    let gzip = try workshop.pipe(xz, through: "gzip -n")
    let peeled = try peel(gzip)
    #expect(peeled.bytes == image)
    #expect(
      peeled.layers == [
        layer(.gzip, packed: gzip.count, unpacked: xz.count), layer(.xz, packed: xz.count, unpacked: zstd.count),
        layer(.zstd, packed: zstd.count, unpacked: image.count),
      ])
    let fourth = try workshop.pipe(gzip, through: "lz4 -q")
    let error = #expect(throws: CodecError.self) { try peel(fourth) }
    #expect(error?.code == .unsupported)
    #expect(error?.found == 4)
  }

  /// A zboot image with a stream at 64, as drivers/firmware/efi/libstub/zboot-header.S lays it out.
  private func zboot(stream: [UInt8], size: Int, appended: [UInt8]) -> [UInt8] {
    let header = Array("MZ\0\0zimg".utf8) + sizeWord(64) + sizeWord(size)
    return header + [UInt8](repeating: 0, count: 64 - header.count) + stream + appended
  }

  @Test func zbootWithAndWithoutSizeWord() throws {
    let workshop = try Workshop()
    let gzip = try workshop.pipe(image, through: "gzip -n")
    let zstd = try workshop.pipe(image, through: "zstd -q")
    for (file, codec, count) in [
      (zboot(stream: gzip, size: gzip.count, appended: []), PayloadCodec.gzip, gzip.count),
      (zboot(stream: zstd, size: zstd.count, appended: sizeWord(image.count)), .zstd, zstd.count),
    ] {
      let peeled = try peel(file)
      #expect(peeled.bytes == image)
      let layer = try #require(peeled.layers.first)
      #expect(layer.kind == .efiZboot && layer.codec == codec)
      #expect(layer.packedRange == FileRange(uncheckedStart: FileOffset(64), count: ByteCount(UInt64(count))))
    }
    let wrong = zboot(stream: zstd, size: zstd.count, appended: sizeWord(image.count + 1))
    #expect(#expect(throws: CodecError.self) { try peel(wrong) }?.code == .sizeMismatch)
  }

  @Test func zbootPayloadOutsideTheFile() throws {
    for (offset, size) in [(64, 100), (64, 0xFFFF_FFFF), (0xFFFF_FFFF, 0xFFFF_FFFF), (164, 0)] {
      var file = zboot(stream: [UInt8](repeating: 0, count: 99), size: size, appended: [])
      file.replaceSubrange(8..<12, with: sizeWord(offset))
      let error = #expect(throws: CodecError.self) { try peel(file) }
      #expect(error?.code == .truncated)
      #expect(error?.found == UInt64(size))
    }
  }

  @Test func fileIsOpenedInOneStep() throws {
    let workshop = try Workshop()
    let packed = try workshop.pipe(image, through: "xz -0")
    let opened = try OpenedImage(path: workshop.folder.write(packed, to: "image.xz"))
    #expect(opened.layers == [layer(.xz, packed: packed.count, unpacked: image.count)])
    #expect(opened.count.value == UInt64(image.count))
    #expect(opened.withBytes { span in unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } } == image)
    let broken = try workshop.folder.write(Array(packed.dropLast(9)), to: "broken.xz")
    let error = #expect(throws: OpeningError.self) { _ = try OpenedImage(path: broken) }
    guard case .codec(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.code == .truncated)
  }
}
