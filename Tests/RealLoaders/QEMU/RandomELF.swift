import KernelImage
import TestSupport

/// An ELF file of a few segments, notes and a Multiboot header where wanted, none of them sure to be right.
struct RandomELF: Shrinkable, Sendable {
  struct Segment: Sendable {
    var virtual: UInt64
    var physical: UInt64
    var count: Int
    var memory: UInt64
    var isExecutable: Bool
  }

  var kind: QEMUProtocol
  var is64: Bool
  var machine: UInt16
  var entry: UInt64
  var flags: UInt32
  var segments: [Segment]
  /// Types of notes, in order, each with the entry as descriptor.
  var notes: [UInt32]
  /// The same in a PT_NOTE of its own, which comes first; its p_align.
  var firstNotes: [UInt32] = []
  var noteAlignment = 4
  var isBigEndian = false
  /// How much of the file is there.
  var length: Int?

  init(_ kind: QEMUProtocol, using generator: inout SeededGenerator) {
    self.kind = kind
    let isX86 = kind == .multiboot || kind == .pvh
    let base: UInt64 = isX86 ? 0x20_0000 : kind == .aarch64 ? 0x4020_0000 : 0x8020_0000
    is64 = kind == .aarch64 || kind != .multiboot && !generator.oneIn(3)
    let usual: UInt16 = kind == .aarch64 ? 183 : kind == .riscv ? 243 : is64 ? 62 : 3
    machine = generator.oneIn(15) ? generator.pick([3, 62, 183]) : usual
    flags = generator.oneIn(15) ? 4 : 0
    segments = []
    for _ in 0..<generator.draw(1...4) {
      let physical = base + generator.draw(0...24) * 0x800 + (generator.oneIn(3) ? generator.draw(0...0x7ff) : 0)
      let count = generator.oneIn(6) ? 0 : Int(generator.draw(1...0x1800))
      let extra = generator.oneIn(2) ? 0 : generator.draw(0...0x3000)
      let virtual = generator.oneIn(2) ? physical : physical &+ (is64 && !isX86 ? 0xffff_8000_0000_0000 : 0x4000_0000)
      segments.append(
        Segment(
          virtual: virtual, physical: generator.oneIn(25) ? physical &+ kind.farAway : physical, count: count,
          memory: UInt64(count) + extra, isExecutable: !generator.oneIn(4)))
    }
    let home = generator.pick(segments)
    entry = home.virtual &+ generator.draw(0...UInt64(max(home.count, 4))) & ~3
    notes = kind != .pvh ? [] : generator.oneIn(10) ? [] : generator.oneIn(3) ? [3, 18] : [18]
    if kind == .pvh, generator.oneIn(6) { firstNotes = generator.pick([[18], [3, 18], [3]]) }
    noteAlignment = generator.pick([4, 4, 8, 1])
    drawOddities(&generator)
    if !is64 { mask() }
  }

  /// What hardly any file has, one in a few files.
  private mutating func drawOddities(_ generator: inout SeededGenerator) {
    if generator.oneIn(12) { segments.append(generator.pick(segments)) }
    if generator.oneIn(12) { segments[0].physical = generator.pick(kind.oddPlaces) }
    if generator.oneIn(40) { segments[segments.count - 1].memory = UInt64(segments[segments.count - 1].count / 2) }
    if kind == .multiboot, generator.oneIn(12) { moveDown(&generator) }
    isBigEndian = generator.oneIn(40)
    if generator.oneIn(20) { length = Int(generator.draw(1...0x1400)) }
  }

  /// All of the segments to low memory, over what firmware and option ROM have there.
  private mutating func moveDown(_ generator: inout SeededGenerator) {
    let distance: UInt64 = 0x20_0000 - generator.pick([0x1000, 0x6800, 0x8800, 0x1_0000, 0x9_a000, 0xc_8000, 0xf_0000])
    entry &-= distance
    for index in segments.indices {
      segments[index].virtual &-= distance
      segments[index].physical &-= distance
    }
  }

  /// What fields of 32 bits hold.
  private mutating func mask() {
    entry &= 0xffff_ffff
    for index in segments.indices {
      segments[index].virtual &= 0xffff_ffff
      segments[index].physical &= 0xffff_ffff
    }
  }

  var bytes: [UInt8] {
    var builder = ELFBuilder(
      class: is64 ? .bits64 : .bits32, byteOrder: isBigEndian ? .big : .little, machine: Machine(rawValue: machine),
      entry: entry, flags: flags)
    for (index, segment) in segments.enumerated() {
      var content = (0..<segment.count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index &* 31 &+ 1) }
      if kind == .multiboot, index == 0, content.count >= 12 { content.replaceSubrange(0..<12, with: Self.header) }
      builder = builder.segment(
        flags: segment.isExecutable ? [.read, .execute] : [.read, .write], virtual: segment.virtual,
        physical: segment.physical, bytes: content, memorySize: segment.memory, alignment: 4)
    }
    let target = segments.first(where: { $0.count > 0 })?.physical ?? 0
    let descriptor = (0..<(is64 ? 8 : 4)).map { $0 < 4 ? UInt8(truncatingIfNeeded: target >> (8 * UInt64($0))) : 0 }
    if !firstNotes.isEmpty {
      let bytes = firstNotes.flatMap {
        builder.noteBytes(owner: "Perch", type: $0, descriptor: descriptor, alignment: noteAlignment)
      }
      builder = builder.segment(type: .note, bytes: bytes, alignment: UInt64(noteAlignment))
    }
    for type in notes { builder = builder.note(owner: "Xen", type: type, descriptor: descriptor) }
    let file = builder.build()
    return Array(file.prefix(length ?? file.count))
  }

  /// Magic, no flags, checksum.
  private static let header: [UInt8] = [0x02, 0xb0, 0xad, 0x1b, 0, 0, 0, 0, 0xfe, 0x4f, 0x52, 0xe4]

  var smaller: [RandomELF] {
    var cases: [RandomELF] = []
    if length != nil {
      cases.append(self)
      cases[0].length = nil
    }
    if !firstNotes.isEmpty {
      cases.append(self)
      cases[cases.count - 1].firstNotes = []
    }
    for index in segments.indices where segments.count > 1 {
      cases.append(self)
      cases[cases.count - 1].segments.remove(at: index)
    }
    return cases
  }

  var description: String {
    let list = segments.map { segment in
      "(\(segment.virtual.swiftText), \(segment.physical.swiftText), file \(segment.count), memory \(segment.memory), "
        + "\(segment.isExecutable ? "x" : "-"))"
    }
    return "\(kind), \(is64 ? 64 : 32) bits, machine \(machine), entry \(entry.swiftText), flags \(flags), "
      + "notes \(notes), before them \(firstNotes) on \(noteAlignment), \(isBigEndian ? "big-endian, " : "")"
      + "\(length.map { "cut after \($0), " } ?? "")segments \(list.joined(separator: " "))"
  }
}

extension QEMUProtocol {
  /// Where SeaBIOS has its data, its stack, its end of low memory, video memory, ROMs, and the top of 64 MiB.
  fileprivate var firmwarePlaces: [UInt64] {
    [0x400, 0x6800, 0x7_c000, 0x9_f000, 0xb_8000, 0xc_f800, 0xe_0000, 0x2f0_0000, 0x3f0_0000, 0x3fd_f800, 0x3ff_f000]
  }

  /// How far a segment may lie from the others. Behind a small memory is enough for Multiboot, whose buffer reaches from
  /// the lowest to the highest: more takes most of a minute to copy.
  fileprivate var farAway: UInt64 { self == .multiboot ? 0x500_0000 : 0x7000_0000 }

  /// Where segments rarely lie: at the ends of what addresses can be, at the machine's own things.
  fileprivate var oddPlaces: [UInt64] {
    let ends: [UInt64] = [0xffff_ffff_ffff_f800, 0x1_0020_0000, 0xffff_f800]
    return switch self {
    case .multiboot, .linux: ends + [0x10_0000, 0x500_0000]
    case .pvh: ends + [0x10_0000, 0xf000_0000, 0xfffc_0000 - 0x1000] + firmwarePlaces
    case .aarch64: ends + [0, 0x3fff_f800, 0x4000_0000, 0x4010_0000]
    case .riscv: ends + [0, 0x1000, 0x7fff_f800, 0x8000_0000, 0x8001_c280, 0x8004_0000]
    }
  }
}
