import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

@Suite struct KexecBzImageTests {
  /// 25 GiB.
  private let machine = LoaderRequest(
    ramRanges: [0x1000..<0x9_f000, 0x10_0000..<0xc000_0000, 0x1_0000_0000..<0x6_4000_0000])

  private var image: BzImageBuilder {
    BzImageBuilder(version: 0x20f, protectedMode: .init(repeating: 0x90, count: 0x4000))
      .patch(0x236, [3, 0])
      .patch(0x238, [0xff, 7, 0, 0])
      .patch(0x230, [0, 0, 0x20, 0])
      .patch(0x258, [0, 0, 0, 1, 0, 0, 0, 0])
      .patch(0x260, [0, 0, 0x30, 3])
  }

  /// Observed under 25 GiB: parameters at 0x63fff1000, kernel at 0x63cc00000, which any init_size from 0x31f2000 to
  /// 0x33f1000 gives: down(0x63fff1000 - 0x3300000, 2 MiB) = 0x63cc00000.
  @Test func highestHole() throws {
    let prediction = try #require(image.build().withRawSpan { Kexec.load($0, machine) }.loadedPrediction)
    #expect(prediction.placesByStart == [[0x6_3cc0_0000, 0x4000, 0x330_0000 - 0x4000]])
    #expect(prediction.entry.address == 0x6_3cc0_0200)
    #expect(prediction.entry.mode == .long64)
  }

  /// Version below 2.00, not LOADED_HIGH, no HdrS.
  @Test(arguments: [(0x206, [0xff, 1]), (0x211, [0]), (0x202, [0])] as [(Int, [UInt8])])
  func refused(offset: Int, bytes: [UInt8]) {
    let refusal = image.patch(offset, bytes).build().withRawSpan { Kexec.load($0, machine) }.statedRefusal
    #expect(refusal?.words == "Cannot determine the file type of kernel")
  }

  /// Version below 2.12, no 64-bit entry: the 32-bit file type takes both, at 1 MiB since they are not relocatable.
  @Test(arguments: [(0x206, [0x0b, 2]), (0x236, [1, 0])] as [(Int, [UInt8])])
  func taken32(offset: Int, bytes: [UInt8]) throws {
    let outcome = image.patch(offset, bytes).build().withRawSpan { Kexec.load($0, machine) }
    let prediction = try #require(outcome.loadedPrediction)
    #expect(prediction.reading == "bzImage")
    #expect(prediction.placesByStart == [[0x10_0000, 0x4000, 0]])
    #expect(prediction.entry.address == 0x10_0000)
  }

  @Test func noRoom() {
    let small = LoaderRequest(ramRanges: [0x10_0000..<0x200_0000])
    let refusal = image.build().withRawSpan { Kexec.load($0, small) }.statedRefusal
    #expect(refusal?.words == "Could not find a free area of memory of 0x3300000 bytes...")
  }
}
