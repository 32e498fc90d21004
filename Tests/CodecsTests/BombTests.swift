import Addresses
import Codecs
import KernelImage
import Testing

/// Small streams that unpack to far more than the cap.
@Suite struct BombTests {
  @Test func gibibyteOfZerosEndsAtTheCap() throws {
    let packed = try Workshop().pipe([], through: "head -c 1073741824 /dev/zero | gzip -1")
    try expectOverCap(packed, .gzip)
  }

  @Test(arguments: Packer.all) func everyCodecEndsAtTheCap(packer: Packer) throws {
    let packed = try Workshop().pipe([], through: "head -c 67108864 /dev/zero | \(packer.command)")
    try expectOverCap(packed, packer.codec)
  }

  @Test func sizeInAFrameHeaderIsRefusedUnseen() throws {
    let workshop = try Workshop()
    try workshop.run("head -c 67108864 /dev/zero > zeros && zstd -q zeros -o zeros.zst")
    let error = try #require(failure(workshop.read("zeros.zst"), .zstd, cap: .mebibytes(16)))
    #expect(error.code == .overCap)
    #expect(error.found == 64 << 20)
    #expect(error.detail == "unpacks to 67108864 bytes, the cap is 16777216: raise it with --max-size")
  }

  private func expectOverCap(_ packed: [UInt8], _ codec: PayloadCodec) throws {
    let error = try #require(failure(packed, codec, cap: .mebibytes(16)))
    #expect(error.code == .overCap)
    #expect(error.produced <= .mebibytes(16))
    #expect(try #require(error.found) > 16 << 20)
    guard case .atMost(16_777_216) = error.allowed else {
      Issue.record("\(String(describing: error.allowed))")
      return
    }
  }
}
