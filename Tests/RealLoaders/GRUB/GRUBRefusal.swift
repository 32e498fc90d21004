import BootProtocols

/// An image that GRUB refuses, and the words it has for it.
struct GRUBRefusal: Sendable, CustomStringConvertible {
  let words: String
  let image: GRUBImage
  var description: String { words }

  init(_ words: String, _ image: GRUBImage, _ change: (inout GRUBImage) -> Void) {
    self.words = words
    var image = image
    change(&image)
    self.image = image
  }

  /// Each of these words was printed by Debian's GRUB 2.06 for this very image.
  static let recorded: [GRUBRefusal] = [
    GRUBRefusal("no multiboot header found", .simple) { $0.headerOffset = 0x2030 },
    GRUBRefusal("unsupported flag: 0x8", .simple) { $0.flags = 8 },
    GRUBRefusal("unsupported tag: 0x14", .simple64) { $0.tags = [[20, 8]] },
    GRUBRefusal("unsupported information tag: 0xd", .simple64) { $0.tags = [[1, 12, 13]] },
    GRUBRefusal("load address tag without entry address tag", .simple64) { $0.tags = [[2, 24, 0, 0, 0, 0]] },
    GRUBRefusal("OS requires a console but none is available", .simple64) { $0.tags = [[4, 12, 1]] },
    GRUBRefusal("invalid arch-dependent ELF magic", .simple) { $0.machine = 62 },
    GRUBRefusal("invalid arch-dependent ELF magic", .simple) { $0.elfVersion = 2 },
    GRUBRefusal("this ELF file is not of the right type", .simple) { $0.type = 1 },
    GRUBRefusal("this ELF file is not of the right type", .simple) { $0.type = 4 },
    GRUBRefusal("segment crosses 4 GiB border", .simple64) { $0.segments[0].physical = 0xffff_f000 },
    GRUBRefusal("address is out of range", .simple) {
      $0.segments[0].physical = 0xffff_f000
      $0.segments[0].memorySize = 0x2000
    },
    GRUBRefusal("overlap detected", .simple) { $0.segments.append($0.segments[0]) },
    GRUBRefusal("invalid min/max address and/or load size", .simple64) {
      $0.tags = [[10, 24, 0x20_0000, 0x20_0100, 1, 0]]
    },
    GRUBRefusal("entry point isn't in a segment", .simple) { $0.entry = 0x30_0000 },
    GRUBRefusal("invalid entry point for ELF64", .simple64) {
      $0.entry = 0xffff_ffff_8000_0000
      $0.segments.insert(
        GRUBImage.Segment(
          type: 6, virtual: 0xffff_ffff_8000_0000, physical: 0x1_0000_0000, fileSize: 0, memorySize: 8), at: 0)
    },
    GRUBRefusal("ELF files with relocs are not supported yet", .simple64) {
      $0.sections = [GRUBImage.Section(type: 4, size: 24)]
    },
    GRUBRefusal("attempt to seek outside of the file", .simple) { $0.segments[0].offset = 0x10_0000 },
    GRUBRefusal("premature end of file /k", .simple) { $0.segments[0].offset = 0x650 },
    GRUBRefusal("out of memory", .simple) { $0.segments[0].memorySize = 0x2000_0000 },
  ]
}
