import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// No bytes may crash a model or keep it busy.
@Suite struct HostileImageTests {
  private static let request = LoaderRequest(ramRanges: [0x1000..<0x8000_0000])

  private static let images: [[UInt8]] = [
    ELFBuilder(entry: 0x20_0000)
      .segment(virtual: 0xffff_ffff_8020_0000, physical: 0x20_0000, bytes: .init(repeating: 1, count: 64), alignment: 8)
      .segment(virtual: 0xffff_ffff_8030_0000, physical: 0x30_0000, memorySize: 0x3000, alignment: 8)
      .note(owner: "Xen", type: 18, descriptor: [0, 4, 0x20, 0])
      .section(".text", bytes: [1, 2, 3]).build(),
    ELFBuilder(type: .shared, entry: 0x10)
      .segment(virtual: 0, bytes: .init(repeating: 0, count: 64), alignment: 8)
      .segment(type: .dynamic, partOf: 0, offset: 0, count: 32).build(),
    ELFBuilder(class: .bits32, byteOrder: .big, machine: .i386, entry: 0x20_0000)
      .segment(virtual: 0x20_0000, bytes: .init(repeating: 1, count: 64), alignment: 4).build(),
    BzImageBuilder(version: 0x20f, protectedMode: .init(repeating: 0, count: 64)).patch(0x236, [3, 0])
      .patch(0x214, [0, 0, 0x10, 0]).patch(0x260, [0, 0, 0x30, 0]).build(),
  ]

  private func feed(_ bytes: [UInt8]) {
    bytes.withRawSpan { span in
      for arguments in Kexec.Arguments.allCases { _ = Kexec.load(span, Self.request, arguments: arguments) }
      for monitor in LinuxLoader.Monitor.allCases { _ = LinuxLoader.load(span, Self.request, monitor: monitor) }
      for outcome in [
        Limine.load(span, Self.request), Limine.load(span, Self.request, choices: .init(draws: [0xffff_ffff, 1])),
      ] {
        // What a drawing or a report would ask.
        for piece in outcome.loadedPrediction?.pieces ?? [] { _ = (piece.extent.last, piece.extent.endValue) }
      }
    }
  }

  @Test(arguments: images.indices) func truncations(_ index: Int) {
    let image = Self.images[index]
    for count in stride(from: 0, through: image.count, by: image.count > 1200 ? 7 : 1) {
      feed(Array(image.prefix(count)))
    }
  }

  @Test(arguments: images.indices) func mutations(_ index: Int) {
    var state = UInt64(index) &+ 1
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    let interesting: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe]
    // Headers, and for a bzImage the setup header.
    let region = index == 3 ? 0x1f0..<0x270 : 0..<min(Self.images[index].count, 300)
    for _ in 0..<1500 {
      var image = Self.images[index]
      for _ in 0...next() % 4 {
        let place = region.lowerBound + Int(next() % UInt64(region.count))
        let value = interesting[Int(next() % 6)]
        for offset in 0...Int(next() % 8) where place + offset < image.count { image[place + offset] = value }
      }
      feed(image)
    }
  }

  @Test func noise() {
    var state: UInt64 = 42
    for size in [0, 1, 4, 16, 63, 64, 65, 512, 1024, 2000] {
      feed(
        (0..<size).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return UInt8(truncatingIfNeeded: state >> 56)
        })
    }
  }

  /// 65535 program headers, all PT_NOTE over the whole file, or all PT_LOAD.
  @Test(arguments: [1, 4] as [UInt8]) func tablesOfTheGreatestSize(type: UInt8) {
    var image = ELFBuilder(entry: 0xffff_ffff_8020_0000).segment(virtual: 0xffff_ffff_8020_0000, bytes: [1]).build()
    image.replaceSubrange(56..<58, with: [0xff, 0xff])
    var header = [UInt8](repeating: 0, count: 56)
    header[0] = type
    header.replaceSubrange(16..<24, with: [0, 0, 0x20, 0x80, 0xff, 0xff, 0xff, 0xff])
    header.replaceSubrange(32..<48, with: [0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0])
    header[48] = 8
    image = Array(image.prefix(64))
    for _ in 0..<65_535 { image += header }
    feed(image)
  }
}
