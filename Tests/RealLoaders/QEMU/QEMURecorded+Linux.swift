import TestSupport

extension QEMUImage {
  private static func little(_ value: UInt32, _ count: Int = 4) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }

  private static func kernel(_ version: UInt16, loadFlags: UInt8 = 1) -> BzImageBuilder {
    let payload = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
    // initrd_addr_max, which Linux gives as 0x7fffffff.
    return BzImageBuilder(version: version, loadFlags: loadFlags, protectedMode: payload)
      .patch(0x22c, little(0x7fff_ffff))
  }

  static var linuxProtocols: [NamedImage<QEMUImage>] {
    let versions = [0x1ff, 0x200, 0x201, 0x202, 0x20f] as [UInt16]
    return versions.map { version in
      named("protocol 0x\(String(version, radix: 16))", kernel(version).build(), commandLine: "hello")
    } + [
      named("protocol 0x20f, not LOADED_HIGH", kernel(0x20f, loadFlags: 0).build(), commandLine: "hello"),
      named("no HdrS", kernel(0x20f).patch(0x202, [0, 0, 0, 0]).build(), commandLine: "hello"),
      named("setup_sects 0", kernel(0x20f).patch(0x1f1, [0]).build()),
      named("setup_sects more than the file", kernel(0x20f).patch(0x1f1, [200]).build()),
      named("setup_sects to the end of the file", kernel(0x20f).patch(0x1f1, [14]).build()),
      named("cut in the header", Array(kernel(0x20f).build().prefix(0x210))),
      named("cut before HdrS", Array(kernel(0x20f).build().prefix(0x200))),
      named("one byte", [0x90]),
      named("no byte", []),
      // Multiboot's magic too: HdrS is looked for first.
      named(
        "with a Multiboot header",
        kernel(0x20f).patch(0x400, little(0x1bad_b002) + little(0) + little(0xe452_4ffe)).build()),
      named("with the magic of ELF", kernel(0x20f).patch(0, [0x7f, 0x45, 0x4c, 0x46]).build()),
      named("vga=", kernel(0x20f).build(), commandLine: "vga="),
      named("vga=ask", kernel(0x20f).build(), commandLine: "a vga=ask"),
    ]
  }

  static var linuxModules: [NamedImage<QEMUImage>] {
    func bounded(_ greatest: UInt32) -> [UInt8] { kernel(0x20f).patch(0x22c, little(greatest)).build() }
    let above = kernel(0x20f).patch(0x22c, little(0x11_0000)).patch(0x236, little(2, 2)).build()
    return [
      named("a module", kernel(0x20f).build(), mebibytes: 512, modules: [0xefc]),
      named("a module for protocol 0x1ff", kernel(0x1ff).build(), modules: [1]),
      named("a module for protocol 0x200", kernel(0x200).build(), modules: [100]),
      named("a module for protocol 0x203", kernel(0x203).build(), modules: [100]),
      named("a module without HdrS", kernel(0x20f).patch(0x202, [0, 0, 0, 0]).build(), modules: [1]),
      named("a module larger than memory", kernel(0x20f).build(), mebibytes: 8, modules: [8 << 20]),
      named("a module larger than initrd_addr_max", bounded(0x1000), modules: [0x1000]),
      named("a module one byte smaller than initrd_addr_max", bounded(0x1000), modules: [0xfff]),
      named("a module that ends at initrd_addr_max", bounded(0x2ff_ffff), modules: [3]),
      named("a module that ends on another page", bounded(0x200_0000), modules: [3]),
      named("a module that may lie above 4 GiB", above, modules: [100]),
      named("an empty module", kernel(0x20f).build(), modules: [0]),
    ]
  }
}
