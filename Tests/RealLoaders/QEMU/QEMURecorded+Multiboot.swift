import KernelImage
import TestSupport

extension QEMUImage {
  private static func words(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }

  /// Magic, flags, checksum.
  private static func header(flags: UInt32 = 0) -> [UInt8] {
    words([0x1bad_b002, flags, 0 &- 0x1bad_b002 &- flags])
  }

  private static func kernel(
    _ parts: [RecordedPart], entry: UInt64? = nil, machine: Machine = .i386, flags: UInt32 = 0,
    permissions: SegmentFlags = [.read, .execute]
  ) -> ELFBuilder {
    ELFBuilder(class: .bits32, machine: machine, entry: entry ?? (parts.first?.virtual ?? 0) + 0x10)
      .parts(parts, head: header(flags: flags), flags: permissions)
  }

  static var multibootFiles: [NamedImage<QEMUImage>] {
    let plain = [RecordedPart(0x20_0000)]
    let moved = [RecordedPart(0xc020_0000, at: 0x20_0000)]
    let solaris64 = ELFBuilder(entry: 0x4080_0000).parts(RecordedPart.solaris64, head: header()).build()
    return [
      named("OpenSolaris, 32 bits", kernel(RecordedPart.solaris32, entry: 0x4080_0000).build(), mebibytes: 2048),
      named(
        "OpenSolaris, 32 bits, beyond memory", kernel(RecordedPart.solaris32, entry: 0x4080_0000).build(),
        mebibytes: 256),
      named("OpenSolaris, 64 bits", solaris64, mebibytes: 2048),
      // 0x200000 to 0x206014: table at 0x207000, strings at 0x207020, modules at 0x208000 and 0x209000.
      named("two modules", kernel([RecordedPart(0x20_0000, memory: 0x6014)]).build(), modules: [5, 6]),
      named("entry in no segment", kernel(plain, entry: 0x30_0000).build()),
      named("entry behind the last byte", kernel(plain, entry: 0x20_0100).build()),
      named("entry translated", kernel(moved).build()),
      named("entry in a segment that is not executable", kernel(moved, permissions: [.read, .write]).build()),
      named("for AArch64", kernel(plain, machine: .aarch64).build()),
      named("the video flag", kernel(plain, flags: 4).build()),
      named("flags that nobody knows", kernel(plain, flags: 0xfff8).build()),
      named(
        "also with a note of PVH", kernel(plain).note(owner: "Xen", type: 18, descriptor: [0x40, 0, 0x20, 0]).build()),
      named(
        "big-endian", ELFBuilder(class: .bits32, byteOrder: .big, machine: .i386).parts(plain, head: header()).build()),
    ]
      + RecordedPart.edges(from: 0x20_0000).map { name, parts in
        named(name, kernel(parts).build() + (parts.isEmpty ? header() : []))
      }
  }

  /// Address fields behind a header at 0x20 of 0x400 bytes.
  private static func fields(
    header place: UInt32 = 0x20_0020, load: UInt32 = 0x20_0000, loadEnd: UInt32 = 0, bssEnd: UInt32 = 0,
    entry: UInt32 = 0x20_0080, at offset: Int = 0x20, count: Int = 0x400
  ) -> [UInt8] {
    var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ 7) }
    let header = header(flags: 0x1_0000) + words([place, load, loadEnd, bssEnd, entry])
    bytes.replaceSubrange(offset..<offset + header.count, with: header)
    return bytes
  }

  static var multibootFields: [NamedImage<QEMUImage>] {
    var wide = fields()
    wide[18] = 62
    wide[19] = 0
    // The search ends at 8192 less 48.
    let last = fields(at: 8140, count: 9000), behind = fields(at: 8144, count: 9000)
    return [
      named("fields", fields(loadEnd: 0x20_0400, bssEnd: 0x20_1234)),
      named("fields, to the end of the file", fields()),
      named("fields, a part of the file", fields(loadEnd: 0x20_0123, bssEnd: 0x20_0123)),
      named("fields, header_addr below load_addr", fields(header: 0x1f_fffc)),
      named("fields, header_addr before the file", fields(header: 0x20_0100)),
      named("fields, load_end_addr below load_addr", fields(loadEnd: 0x1f_ffff)),
      named("fields, bss_end_addr below load_end_addr", fields(loadEnd: 0x20_0200, bssEnd: 0x20_01ff)),
      named("fields, bss_end_addr below the file's end", fields(bssEnd: 0x20_03ff)),
      named("fields, more bytes than the file has", fields(loadEnd: 0x20_1000)),
      named("fields, over the end of 4 GiB", fields(header: 0xffff_fe20, load: 0xffff_fe00, entry: 0xffff_fe80)),
      named("fields, entry elsewhere", fields(entry: 0x30_0000)),
      named("fields, load_addr equal to load_end_addr", fields(loadEnd: 0x20_0000, bssEnd: 0x20_0800)),
      named("fields, the word of e_machine is 62", wide),
      named("fields, the last place of a header", last),
      named("fields, behind the last place of a header", behind),
    ]
  }

  /// The buffer is written after the firmware has run, so that it may lie anywhere in memory.
  static var multibootPlaces: [NamedImage<QEMUImage>] {
    [
      named("at 0x8000", kernel([RecordedPart(0x8000)]).build(), modules: [100]),
      named("over the boot information", kernel([RecordedPart(0x8800, file: 0x2000)]).build()),
      named("at 0x1000", kernel([RecordedPart(0x1000)]).build()),
      named("at 0x7c00", kernel([RecordedPart(0x7c00)]).build()),
      named("over the option ROM's stack", kernel([RecordedPart(0x5000, file: 0x3000)]).build()),
      named("at the end of 640 KiB", kernel([RecordedPart(0x9_f000, file: 0x1000)]).build()),
      named("from 0x10000 to 2 MiB", kernel([RecordedPart(0x1_0000), RecordedPart(0x20_0000)]).build()),
      named("below the option ROM", fields(header: 0xc_9020, load: 0xc_9000, entry: 0x30_0000)),
      named("over the option ROM", fields(header: 0xc_a020, load: 0xc_a000, entry: 0x30_0000)),
      named("behind the option ROM", fields(header: 0xc_b420, load: 0xc_b400, entry: 0x30_0000)),
      named("at the end of memory", kernel([RecordedPart(0x3fe_0000, file: 0x8000)]).build()),
      named("over the end of memory", kernel([RecordedPart(0x3ff_f000, file: 0x3000)]).build()),
    ]
  }
}
