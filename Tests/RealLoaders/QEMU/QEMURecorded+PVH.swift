import KernelImage
import TestSupport

extension QEMUImage {
  /// A note's descriptor.
  private static func address(_ value: UInt64, count: Int = 8) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  private static let entry = address(0x20_0010)

  private static func kernel(
    _ parts: [RecordedPart] = [RecordedPart(0x20_0000)], class: ELFClass = .bits64, machine: Machine = .x86_64,
    flags: UInt32 = 0
  ) -> ELFBuilder {
    ELFBuilder(class: `class`, machine: machine, entry: 0x20_0000, flags: flags).parts(parts)
  }

  private static func marked(_ kernel: ELFBuilder, _ value: [UInt8]? = nil) -> [UInt8] {
    kernel.note(owner: "Xen", type: 18, descriptor: value ?? entry).build()
  }

  static var pvhFiles: [NamedImage<QEMUImage>] {
    let solaris = marked(kernel(RecordedPart.solaris64), address(0x4080_0000))
    return [
      named("OpenSolaris, 64 bits", solaris, mebibytes: 2048),
      named("OpenSolaris, 64 bits, beyond memory", solaris, mebibytes: 256),
      named("32 bits", marked(kernel(class: .bits32, machine: .i386), address(0x20_0010, count: 4))),
      named("64 bits for EM_386", marked(kernel(machine: .i386))),
      named("32 bits for EM_X86_64", marked(kernel(class: .bits32), address(0x20_0010, count: 4))),
      named("flags 0x4", marked(kernel(flags: 4))),
      named("flags 0x10000", marked(kernel(flags: 0x1_0000))),
      named("flags 0x10004", marked(kernel(flags: 0x1_0004))),
      named("flags that do not matter", marked(kernel(flags: 0x1))),
      named("for AArch64", marked(kernel(machine: .aarch64))),
      named("big-endian", marked(ELFBuilder(byteOrder: .big).parts([RecordedPart(0x20_0000)]))),
      named("a module", marked(kernel()), modules: [0x320]),
      named("a module larger than memory", marked(kernel()), mebibytes: 8, modules: [8 << 20]),
    ]
      + RecordedPart.edges(from: 0x20_0000).map { name, parts in
        named(name, marked(kernel(parts), address((parts.first?.physical ?? 0x20_0000) + 0x10)))
      }
  }

  static var pvhNotes: [NamedImage<QEMUImage>] {
    func segment(_ notes: [(String, UInt32, [UInt8])], padding: Int = 4, alignment: UInt64 = 4) -> ELFBuilder {
      let builder = kernel()
      let bytes = notes.flatMap {
        builder.noteBytes(owner: $0.0, type: $0.1, descriptor: $0.2, alignment: padding)
      }
      return builder.segment(type: .note, bytes: bytes, alignment: alignment)
    }
    let own = [("Xen", 18, entry)] as [(String, UInt32, [UInt8])]
    let other = address(0x20_0020)
    return [
      named("no note", kernel().build()),
      named("a note of another's name", segment([("ABC", 18, entry)]).build()),
      named("a note of no name", segment([("", 18, entry)]).build()),
      named("another note before it", segment([("Xen", 5, Array("xen-3.0\0".utf8))] + own).build()),
      named("two notes in one segment", segment(own + [("Xen", 18, other)]).build()),
      named("two segments of notes", segment(own).note(owner: "Xen", type: 18, descriptor: other).build()),
      named(
        "two segments of notes, the second of another type",
        segment(own).note(owner: "Xen", type: 5, descriptor: other).build()),
      named("p_align 8, padded to 4", segment(own, alignment: 8).build()),
      named("p_align 8, padded to 8", segment(own, padding: 8, alignment: 8).build()),
      named("p_align 8, another note before it", segment([("Xen", 5, entry)] + own, alignment: 8).build()),
      named("p_align 1, a name of 4 bytes", segment(own, alignment: 1).build()),
      named("p_align 1, a name of 5 bytes", segment([("Xenx", 18, entry)], alignment: 1).build()),
      named("p_align 0", segment(own, alignment: 0).build()),
      named("a value of 4 bytes", segment([("Xen", 18, address(0x20_0010, count: 4))]).build()),
      named("a value of more than 32 bits", segment([("Xen", 18, address(0x7_0020_0010))]).build()),
      named("a value of 0", segment([("Xen", 18, address(0))]).build()),
      named("entry in no segment", marked(kernel(), address(0x30_0000))),
    ]
  }

  /// A block is written at the reset, before the firmware runs.
  static var pvhPlaces: [NamedImage<QEMUImage>] {
    func with(_ part: RecordedPart, modules: [Int] = []) -> (String) -> NamedImage<QEMUImage> {
      { named($0, marked(kernel([RecordedPart(0x20_0000), part])), modules: modules) }
    }
    return [
      with(RecordedPart(0x1_0020_0000))("a segment above 4 GiB"),
      with(RecordedPart(0x400_0000))("a segment behind memory"),
      with(RecordedPart(0x3ff_f000, file: 0x3000))("a segment over the end of memory"),
      with(RecordedPart(0xffff_ffff_ffff_f000, file: 0x800, memory: 0x2000))("p_paddr and p_memsz that wrap"),
      with(RecordedPart(0xfffd_0000))("a segment in the firmware"),
      with(RecordedPart(0x0, file: 0x600))("a segment at 0"),
      with(RecordedPart(0x8000, file: 0x1000))("a segment at 0x8000"),
      with(RecordedPart(0x9_f000, file: 0x1000))("a segment at the end of 640 KiB"),
      with(RecordedPart(0xa_0000, file: 0x1000))("a segment in the video memory"),
      with(RecordedPart(0xc_8000, file: 0x1000))("a segment in the option ROMs"),
      with(RecordedPart(0xf_0000, file: 0x1000))("a segment in the firmware below 1 MiB"),
      with(RecordedPart(0xf_f000, file: 0x2000))("a segment over 1 MiB"),
      with(RecordedPart(0x300_0000, file: 0x1000, memory: 0x10_0000))("a segment 16 MiB below the end of memory"),
      with(RecordedPart(0x3f0_0000, file: 0xf_0000))("a segment in the last MiB"),
      with(RecordedPart(0x3f0_0000, file: 0xf_0000), modules: [0x3000])("a module over a segment"),
    ]
  }
}
