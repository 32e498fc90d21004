import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The words were printed by Debian's GRUB 2.06.
@Suite struct GRUBRefusalTests {
  @Test(arguments: GRUBRefusal.recorded)
  func refuses(_ test: GRUBRefusal) {
    guard case .refuses(let refusal) = test.image.outcome else {
      Issue.record("\(test.image.outcome)")
      return
    }
    #expect(refusal.words == test.words)
  }

  /// Truncations, and bytes changed at random: any outcome will do, a crash will not.
  @Test func anyBytesHaveAnOutcome() {
    var generator = SeededGenerator(seed: 1)
    var images: [GRUBImage] = [.simple, .simple64]
    images[0].sections = [GRUBImage.Section(size: 16)]
    images[1].tags = [[10, 24, 0x100_0000, 0x3fff_ffff, 0x20_0000, 1], [1, 12, 3]]
    for image in images {
      let whole = image.build()
      for _ in 0..<1500 {
        var bytes = Array(whole.prefix(Int(generator.draw(0...UInt64(whole.count)))))
        for _ in 0..<generator.draw(0...6) where !bytes.isEmpty {
          let interesting = generator.oneIn(2) ? 128 : bytes.count
          bytes[Int(generator.draw(0...UInt64(min(interesting, bytes.count) - 1)))] = generator.pick([
            0, 1, 0x7f, 0x80, 0xff,
          ])
        }
        bytes.withRawSpan {
          _ = GRUB.multiboot($0, image.request)
          _ = GRUB.multiboot2($0, image.request)
        }
      }
    }
  }
}
