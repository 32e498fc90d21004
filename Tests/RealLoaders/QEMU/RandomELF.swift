import KernelImage
import TestSupport

/// An ELF file of a few segments, notes and a Multiboot header where wanted, none of them sure to be right.
struct RandomELF: Shrinkable {
  enum Kind { case multiboot, pvh, aarch64, riscv }

  struct Segment {
    var virtual: UInt64
    var physical: UInt64
    var count: Int
    var memory: UInt64
    var isExecutable: Bool
  }

  var kind: Kind
  var is64: Bool
  var machine: UInt16
  var entry: UInt64
  var flags: UInt32
  var segments: [Segment]
  /// Types of notes, in order, each with the entry as descriptor.
  var notes: [UInt32]
  var moduleSizes: [Int]

  init(_ kind: Kind, using generator: inout SeededGenerator) {
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
          virtual: virtual, physical: generator.oneIn(25) ? physical &+ 0x7000_0000 : physical, count: count,
          memory: UInt64(count) + extra, isExecutable: !generator.oneIn(4)))
    }
    let home = generator.pick(segments)
    entry = home.virtual &+ generator.draw(0...UInt64(max(home.count, 4))) & ~3
    notes = kind != .pvh ? [] : generator.oneIn(10) ? [] : generator.oneIn(3) ? [3, 18] : [18]
    // The option ROM of PVH copies the module after the moment at which memory is compared.
    moduleSizes = (0..<generator.draw(0...(kind == .multiboot ? 3 : kind == .pvh ? 0 : 1))).map { _ in
      Int(generator.draw(1...6000))
    }
    if !is64 { mask() }
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
      class: is64 ? .bits64 : .bits32, machine: Machine(rawValue: machine), entry: entry, flags: flags)
    for (index, segment) in segments.enumerated() {
      var content = (0..<segment.count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index &* 31 &+ 1) }
      if kind == .multiboot, index == 0, content.count >= 12 { content.replaceSubrange(0..<12, with: Self.header) }
      builder = builder.segment(
        flags: segment.isExecutable ? [.read, .execute] : [.read, .write], virtual: segment.virtual,
        physical: segment.physical, bytes: content, memorySize: segment.memory, alignment: 4)
    }
    let target = segments.first(where: { $0.count > 0 })?.physical ?? 0
    for type in notes {
      let descriptor = (0..<4).map { UInt8(truncatingIfNeeded: target >> (8 * UInt64($0))) }
      // Eight bytes are read of an ELF64 file's note.
      builder = builder.note(owner: "Xen", type: type, descriptor: is64 ? descriptor + [0, 0, 0, 0] : descriptor)
    }
    return builder.build()
  }

  /// Magic, no flags, checksum.
  private static let header: [UInt8] = [0x02, 0xb0, 0xad, 0x1b, 0, 0, 0, 0, 0xfe, 0x4f, 0x52, 0xe4]

  var modules: [[UInt8]] { moduleSizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ size) } } }

  var smaller: [RandomELF] {
    var cases: [RandomELF] = []
    for index in segments.indices where segments.count > 1 {
      cases.append(self)
      cases[cases.count - 1].segments.remove(at: index)
    }
    if !moduleSizes.isEmpty {
      cases.append(self)
      cases[cases.count - 1].moduleSizes.removeLast()
    }
    return cases
  }

  var description: String {
    let list = segments.map { segment in
      "(\(segment.virtual.swiftText), \(segment.physical.swiftText), file \(segment.count), memory \(segment.memory), "
        + "\(segment.isExecutable ? "x" : "-"))"
    }
    return "\(kind), \(is64 ? 64 : 32) bits, machine \(machine), entry \(entry.swiftText), flags \(flags), "
      + "notes \(notes), modules \(moduleSizes), segments \(list.joined(separator: " "))"
  }
}
