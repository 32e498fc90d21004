import KernelImage
import TestSupport

extension QEMUImage {
  private static func image(_ offset: UInt64, _ size: UInt64, hasMagic: Bool = true) -> RandomImage {
    var random = SeededGenerator(seed: 0)
    var image = RandomImage(using: &random)
    (image.textOffset, image.imageSize, image.hasMagic, image.count) = (offset, size, hasMagic, 4096)
    return image
  }

  static var aarch64Images: [NamedImage<QEMUImage>] {
    func row(
      _ name: String, _ offset: UInt64, _ size: UInt64, hasMagic: Bool = true, mebibytes: UInt64 = 1024,
      modules: [Int] = []
    ) -> NamedImage<QEMUImage> {
      NamedImage(
        name,
        QEMUImage(
          file: .raw(image(offset, size, hasMagic: hasMagic)), mebibytes: mebibytes, moduleSizes: modules))
    }
    return [
      row("text_offset 0", 0, 0x1_0000),
      row("text_offset 0x80000", 0x8_0000, 0x1_0000),
      row("text_offset 0x1000, large", 0x1000, 0x900_0000),
      row("text_offset 0xfff", 0xfff, 0x1000),
      row("image_size 0", 0x1234, 0),
      row("no magic", 0x1000, 0x1_0000, hasMagic: false),
      row("a module", 0, 0x1_0000, modules: [100]),
      row("a module, 64 MiB", 0, 0x1_0000, mebibytes: 64, modules: [100]),
      row("a module behind a large image", 0x1000, 0x900_0000, modules: [100]),
      row("image_size more than memory", 0x8_0000, 0x9_0000_0000, mebibytes: 128),
      row("image_size negative", 0x8_0000, 1 << 63, mebibytes: 128),
      row("no room for a module", 0x300_0000, 0x280_0000, mebibytes: 64, modules: [100]),
      row("too little room for a module", 0, 0x1_0000, mebibytes: 8, modules: [5 << 20]),
      row("no room for the device tree", 0x8_0000, 0x7e0_0000, mebibytes: 128, modules: [800]),
      row("over the end of memory", 0x3ff_f800, 0x1000, mebibytes: 64),
      named("too short for a header", [0, 0, 0, 0x14]),
      named("no byte", []),
      // Two bytes of gzip's magic and what gunzip() does not take.
      named("gzip of another method", [0x1f, 0x8b, 7, 0] + [UInt8](repeating: 1, count: 60)),
      named("gzip, the reserved flags", [0x1f, 0x8b, 8, 0xe0] + [UInt8](repeating: 1, count: 60)),
      named("gzip, a name without end", [0x1f, 0x8b, 8, 8] + [UInt8](repeating: 1, count: 60)),
      named("gzip, an extra field without end", [0x1f, 0x8b, 8, 4] + [UInt8](repeating: 1, count: 60)),
    ]
  }

  private static func arm(
    _ parts: [RecordedPart], entry: UInt64? = nil, machine: Machine = .aarch64,
    permissions: SegmentFlags = [.read, .execute]
  ) -> ELFBuilder {
    ELFBuilder(machine: machine, entry: entry ?? parts.first?.virtual ?? 0).parts(parts, flags: permissions)
  }

  static var aarch64Files: [NamedImage<QEMUImage>] {
    let linked = RecordedPart(0xffff_8000_0800_0000), moved = RecordedPart(0xffff_8000_0800_0000, at: 0x4020_0000)
    let plain = arm([RecordedPart(0x4020_0000)]).build()
    return [
      named("ELF, p_paddr is the link address", arm([linked]).build()),
      named("ELF, entry translated", arm([moved], entry: 0xffff_8000_0800_0010).build()),
      named("ELF, not executable", arm([moved], entry: 0xffff_8000_0800_0010, permissions: [.read]).build()),
      named("ELF, entry in no segment", arm([moved], entry: 0x4030_0000).build()),
      named("ELF at the base of memory", arm([RecordedPart(0x4000_0000)]).build()),
      named("ELF, no room for the device tree", arm([RecordedPart(0x4008_0000)]).build()),
      named("ELF, 1 MiB for the device tree", arm([RecordedPart(0x4010_0000)]).build()),
      named("ELF below memory", arm([RecordedPart(0x20_0000)]).build()),
      named("ELF below memory and in it", arm([RecordedPart(0x20_0000), RecordedPart(0x4020_0000)]).build()),
      named("ELF behind memory", arm([RecordedPart(0x8000_0000)]).build()),
      named("ELF and a module", plain, modules: [100]),
      named("ELF for x86-64", arm([RecordedPart(0x4020_0000)], machine: .x86_64).build()),
      named(
        "ELF, big-endian",
        ELFBuilder(byteOrder: .big, machine: .aarch64, entry: 0x4020_0000).parts([RecordedPart(0x4020_0000)]).build()),
      named("ELF, cut in the header", Array(plain.prefix(60))),
      named("ELF, cut in the program headers", Array(plain.prefix(100))),
      named("ELF, cut in a segment", Array(plain.prefix(200))),
      named("ELF larger than memory", arm([RecordedPart(0x4020_0000, memory: 0x500_0000)]).build()),
    ]
      + RecordedPart.edges(from: 0x4020_0000).map { name, parts in named("ELF, \(name)", arm(parts).build()) }
  }

  static var riscvFiles: [NamedImage<QEMUImage>] {
    func kernel(_ parts: [RecordedPart], entry: UInt64? = nil, machine: Machine = .riscv) -> [UInt8] {
      arm(parts, entry: entry, machine: machine).build()
    }
    let plain = kernel([RecordedPart(0x8020_0000)])
    var outside = plain
    outside[36] = 1
    return [
      named("raw", Array(plain.dropFirst(64)), modules: [800]),
      named("raw, 512 MiB", Array(plain.dropFirst(64)), mebibytes: 512, modules: [800]),
      named("raw, 3 GiB", Array(plain.dropFirst(64)), mebibytes: 3072, modules: [800]),
      NamedImage("raw, text_offset of an Image", QEMUImage(file: .raw(image(0x40_0000, 0x1_0000)))),
      named("gzip", [0x1f, 0x8b, 8, 0] + [UInt8](repeating: 1, count: 60)),
      named("no byte", []),
      named("ELF, e_entry is not the lowest address", kernel([RecordedPart(0x8030_0000)], entry: 0x8030_0010)),
      named("ELF, the lowest segment last", kernel([RecordedPart(0x8030_0000), RecordedPart(0x8020_0000)])),
      named("ELF, p_paddr is the link address", kernel([RecordedPart(0xffff_ffff_8000_0000)])),
      named("ELF in the firmware", kernel([RecordedPart(0x8001_0000)])),
      named("ELF in what the firmware keeps", kernel([RecordedPart(0x8004_0000)])),
      named("ELF over the reset vector", kernel([RecordedPart(0xff0)])),
      named("ELF and a module", plain, modules: [100]),
      named("ELF for x86-64", kernel([RecordedPart(0x8020_0000)], machine: .x86_64)),
      named("ELF, e_phoff outside the file", outside),
      named("ELF, cut in the header", Array(plain.prefix(60))),
      named("ELF, cut in the program headers", Array(plain.prefix(100))),
      named("ELF, cut in a segment", Array(plain.prefix(200))),
      named(
        "ELF, cut in the second segment",
        Array(kernel([RecordedPart(0x8030_0000), RecordedPart(0x8040_0000)]).dropLast(16))),
      named("ELF larger than memory", kernel([RecordedPart(0x8020_0000, memory: 0x500_0000)])),
    ]
      + RecordedPart.edges(from: 0x8040_0000).map { name, parts in named("ELF, \(name)", kernel(parts)) }
  }
}
