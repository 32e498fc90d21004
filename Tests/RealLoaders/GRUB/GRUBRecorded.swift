import BootProtocols

/// Images whose fate under GRUB 2.06 was written down.
extension GRUBImage {
  static var recorded: [NamedImage<GRUBImage>] {
    GRUBRefusal.recorded.enumerated().map { NamedImage("refusal \($0): \($1.words)", $1.image, isCheap: $0 % 3 == 0) }
      + splitKernels + solaris + edges
  }

  /// An i686 kernel from 1 MiB on, whose trampoline is linked in the last 1 MiB below 4 GiB. With its load address
  /// behind the Multiboot header it loads; with the load address at the top too, GRUB wants what lies between.
  private static var splitKernels: [NamedImage<GRUBImage>] {
    let text = Segment(virtual: 0x10_2000, physical: 0x10_2000, fileSize: 0x3000, memorySize: 0x5000)
    var near = GRUBImage(entry: 0x10_2000, segments: [text], memory: 128)
    near.segments.append(
      Segment(virtual: 0xfff0_0000, physical: 0x10_1000, fileSize: 0x200, memorySize: 0x200))
    var far = near
    far.segments[1].physical = 0xfff0_0000
    // By address fields, as a linker script's symbols for first and last byte give them.
    var whole = near
    whole.flags = 0x1_0000
    whole.headerWords = [0x10_0400, 0x10_0000, 0, 0xfff0_1000, 0x10_0600]
    // A segment from the text to the trampoline.
    var one = near
    one.segments = [Segment(virtual: 0x10_2000, physical: 0x10_2000, fileSize: 0x3000, memorySize: 0xffdf_e200)]
    var lower = one
    lower.segments[0].memorySize = 0xefef_e000
    return [
      NamedImage("split kernel, load address near", near),
      NamedImage("split kernel, load address far", far),
      NamedImage("split kernel, address fields to the top", whole),
      NamedImage("split kernel, one segment to the top", one),
      NamedImage("split kernel, one segment to 0xf0000000", lower),
    ] + movable(near, far)
  }

  private static func movable(_ near: GRUBImage, _ far: GRUBImage) -> [NamedImage<GRUBImage>] {
    [("near", near), ("far", far)].map { name, image in
      var image = image
      image.version = 2
      image.tags = [[10, 24, 0x10_0000, 0xffff_ffff, 0x1000, 1]]
      return NamedImage("split kernel with a relocatable tag, load address \(name)", image)
    }
  }

  /// Twins of the OpenSolaris kernels: the same addresses and sizes, the probe at the start of each segment.
  private static var solaris: [NamedImage<GRUBImage>] {
    let image32 = GRUBImage(
      entry: 0x4080_0000,
      segments: [
        Segment(virtual: 0x4080_0000, physical: 0x4080_0000, fileSize: 0xe95c, memorySize: 0xe95c),
        Segment(virtual: 0xfb40_0000, physical: 0x4000_0000, fileSize: 0x2a_a362, memorySize: 0x2a_a362),
        Segment(virtual: 0xfb80_0000, physical: 0x4040_0000, fileSize: 0x1_6515, memorySize: 0x9_4a44),
      ], memory: 2048)
    var image64 = GRUBImage.simple64
    image64.entry = 0x4080_0000
    image64.segments = [
      Segment(virtual: 0x4080_0000, physical: 0x4080_0000, fileSize: 0xed28, memorySize: 0xed28),
      Segment(
        virtual: 0xffff_ffff_fb80_0000, physical: 0x4000_0000, fileSize: 0x39_adca, memorySize: 0x39_adca),
      Segment(virtual: 0xffff_ffff_fbc0_0000, physical: 0x4040_0000, fileSize: 0x2_0fe9, memorySize: 0xe_36c0),
    ]
    image64.memory = 2048
    var small = image32
    small.memory = 256
    var high = image64
    high.entry = 0xffff_ffff_fb80_0000
    return [
      NamedImage("OpenSolaris, 32 bits", image32, isCheap: false),
      NamedImage("OpenSolaris, 32 bits, beyond memory", small, isCheap: false),
      NamedImage("OpenSolaris, 64 bits", image64, isCheap: false),
      NamedImage("OpenSolaris, 64 bits, virtual entry", high, isCheap: false),
    ]
  }

  private static var edges: [NamedImage<GRUBImage>] {
    func edge(_ name: String, _ image: GRUBImage = .simple, _ change: (inout GRUBImage) -> Void) -> NamedImage<
      GRUBImage
    > {
      var image = image
      change(&image)
      return NamedImage(name, image, isCheap: false)
    }
    func more(_ physical: UInt64, _ fileSize: UInt64, _ memorySize: UInt64) -> Segment {
      Segment(virtual: physical, physical: physical, fileSize: fileSize, memorySize: memorySize)
    }
    let relocatable: [UInt32] = [10, 24, 0x100_0000, 0x3fff_ffff, 0x20_0000]
    return [
      edge("a sum of p_paddr and p_memsz that wraps, 64 bits", .simple64) {
        $0.segments.append(more(0xffff_ffff_ffff_f000, 0, 0x2000))
      },
      edge("a segment without bytes in the file") { $0.segments.append(more(0x30_0000, 0, 0x1234)) },
      edge("a segment of no size, outside the rest") { $0.segments.append(more(0x30_0000, 0, 0)) },
      edge("a segment of no size, inside another") { $0.segments.append(more(0x20_0800, 0, 0)) },
      edge("no program headers") { $0.segments = [] },
      edge("entry behind the last byte") { $0.entry = 0x20_1000 },
      edge("a load address that is no multiple of anything") {
        $0.segments = [more(0x20_0123, 64, 0x1000)]
        $0.entry = 0x20_0123
      },
      edge("a segment at 1 GiB, beyond memory") { $0.segments.append(more(0x4000_0000, 0x40, 0x1000)) },
      edge("zeros over a later segment") {
        $0.segments = [more(0x20_0000, 64, 0x3000), more(0x20_1000, 64, 0x1000)]
      },
      edge("from 0x7c00 over the firmware's memory to 0x207c00") {
        $0.segments = [more(0x7c00, 64, 0x20_0000)]
        $0.entry = 0x7c00
      },
      edge("at 0x1000, where the trampoline would be") {
        $0.segments = [more(0x1000, 64, 0x1000)]
        $0.entry = 0x1000
      },
      edge("more bytes in the file than in memory") { $0.segments[0].memorySize = 32 },
      edge("relocatable, the lowest place", .simple64) { $0.tags = [relocatable + [1]] },
      edge("relocatable, the highest place", .simple64) { $0.tags = [relocatable + [2]] },
      edge("no end tag", .simple64) { $0.hasEndTag = false },
    ]
  }
}
