import KernelImage
import Loaders
import TestSupport
import Testing

/// The words were printed by Debian's GRUB 2.06.
@Suite struct GRUBRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let words: String
    let image: GRUBImage
    var testDescription: String { words }

    init(_ words: String, _ image: GRUBImage, _ change: (inout GRUBImage) -> Void) {
      self.words = words
      var image = image
      change(&image)
      self.image = image
    }
  }

  static let cases: [Case] = [
    Case("no multiboot header found", .simple) { $0.headerOffset = 0x2030 },
    Case("unsupported flag: 0x8", .simple) { $0.flags = 8 },
    Case("unsupported tag: 0x14", .simple64) { $0.tags = [[20, 8]] },
    Case("unsupported information tag: 0xd", .simple64) { $0.tags = [[1, 12, 13]] },
    Case("load address tag without entry address tag", .simple64) { $0.tags = [[2, 24, 0, 0, 0, 0]] },
    Case("OS requires a console but none is available", .simple64) { $0.tags = [[4, 12, 1]] },
    Case("invalid arch-dependent ELF magic", .simple) { $0.machine = 62 },
    Case("invalid arch-dependent ELF magic", .simple) { $0.elfVersion = 2 },
    Case("this ELF file is not of the right type", .simple) { $0.type = 1 },
    Case("segment crosses 4 GiB border", .simple64) { $0.segments[0].physical = 0xffff_f000 },
    Case("address is out of range", .simple) {
      $0.segments[0].physical = 0xffff_f000
      $0.segments[0].memorySize = 0x2000
    },
    Case("overlap detected", .simple) { $0.segments.append($0.segments[0]) },
    Case("invalid min/max address and/or load size", .simple64) {
      $0.tags = [[10, 24, 0x20_0000, 0x20_0100, 1, 0]]
    },
    Case("entry point isn't in a segment", .simple) { $0.entry = 0x30_0000 },
    Case("invalid entry point for ELF64", .simple64) {
      $0.entry = 0xffff_ffff_8000_0000
      $0.segments.insert(
        GRUBImage.Segment(
          type: 6, virtual: 0xffff_ffff_8000_0000, physical: 0x1_0000_0000, fileSize: 0, memorySize: 8), at: 0)
    },
    Case("ELF files with relocs are not supported yet", .simple64) {
      $0.sections = [GRUBImage.Section(type: 4, size: 24)]
    },
    Case("attempt to seek outside of the file", .simple) { $0.segments[0].offset = 0x10_0000 },
    Case("premature end of file /k", .simple) { $0.segments[0].offset = 0x650 },
    Case("out of memory", .simple) { $0.segments[0].memorySize = 0x2000_0000 },
  ]

  @Test(arguments: cases)
  func refuses(_ test: Case) {
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
