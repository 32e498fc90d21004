public import KernelImage

/// Writes ELF files for tests: either class, either byte order, any segments, sections and notes.
///
///     let image = ELFBuilder(type: .executable, machine: .x86_64, entry: 0xffff_ffff_8020_0000)
///       .segment(flags: [.read, .execute], virtual: 0xffff_ffff_8020_0000, physical: 0x20_0000, bytes: code)
///       .segment(flags: [.read, .write], virtual: 0xffff_ffff_8040_0000, physical: 0x40_0000, memorySize: 0x3000)
///       .note(owner: "Xen", type: 18, descriptor: [0, 0, 0x20, 0])
///       .build()
///
/// Each call returns a new builder. File layout, in this order: header, program headers, segments (at offsets congruent
/// to their virtual addresses modulo their alignment), notes, sections, section names, section headers.
public struct ELFBuilder: Sendable {
  struct Segment: Sendable {
    var type: SegmentType
    var flags: SegmentFlags
    var virtual: UInt64
    var physical: UInt64
    var bytes: [UInt8]
    var memorySize: UInt64
    var alignment: UInt64
    /// The earlier segment whose bytes this one shows, and from where in it.
    var part: (of: Int, offset: UInt64)?
  }

  struct Section: Sendable {
    var name: String
    var type: SectionType
    var flags: SectionFlags
    var address: UInt64
    var bytes: [UInt8]
    var size: UInt64
    var link: UInt32
    var info: UInt32
    var alignment: UInt64
    var entrySize: UInt64
  }

  let elfClass: ELFClass
  let byteOrder: ByteOrder
  let type: ObjectType
  let machine: Machine
  let entry: UInt64
  let flags: UInt32
  var segments: [Segment] = []
  var sections: [Section] = []
  var notes: [UInt8] = []

  public init(
    class: ELFClass = .bits64, byteOrder: ByteOrder = .little, type: ObjectType = .executable,
    machine: Machine = .x86_64, entry: UInt64 = 0, flags: UInt32 = 0
  ) {
    elfClass = `class`
    self.byteOrder = byteOrder
    self.type = type
    self.machine = machine
    self.entry = entry
    self.flags = flags
  }

  /// Adds a segment. `physical` is `virtual` unless told, `memorySize` the number of bytes unless told; what is told is
  /// written as it is, also when it breaks a rule.
  public func segment(
    type: SegmentType = .load, flags: SegmentFlags = [.read, .write], virtual: UInt64 = 0, physical: UInt64? = nil,
    bytes: [UInt8] = [], memorySize: UInt64? = nil, alignment: UInt64 = 0x1000
  ) -> ELFBuilder {
    var copy = self
    copy.segments.append(
      Segment(
        type: type, flags: flags, virtual: virtual, physical: physical ?? virtual, bytes: bytes,
        memorySize: memorySize ?? UInt64(bytes.count), alignment: alignment))
    return copy
  }

  /// Adds a segment that shows `count` bytes of an earlier one, as PT_DYNAMIC shows a part of a PT_LOAD.
  public func segment(
    type: SegmentType, flags: SegmentFlags = [.read], partOf index: Int, offset: UInt64, count: UInt64,
    alignment: UInt64 = 8
  ) -> ELFBuilder {
    var copy = self
    let whole = segments[index]
    let part = Array(whole.bytes[Int(offset)..<Int(offset + count)])
    copy.segments.append(
      Segment(
        type: type, flags: flags, virtual: whole.virtual + offset, physical: whole.physical + offset, bytes: part,
        memorySize: count, alignment: alignment, part: (index, offset)))
    return copy
  }

  /// Adds a section. The empty section 0 and the table of names come by themselves with the first one, so the first
  /// section added has index 1. `size` matters for `.noBits` only.
  public func section(
    _ name: String, type: SectionType = .programBits, flags: SectionFlags = [], address: UInt64 = 0,
    bytes: [UInt8] = [], size: UInt64? = nil, link: UInt32 = 0, info: UInt32 = 0, alignment: UInt64 = 1,
    entrySize: UInt64 = 0
  ) -> ELFBuilder {
    var copy = self
    copy.sections.append(
      Section(
        name: name, type: type, flags: flags, address: address, bytes: bytes, size: size ?? UInt64(bytes.count),
        link: link, info: info, alignment: alignment, entrySize: entrySize))
    return copy
  }

  /// Adds an empty segment in place: for tests that want thousands.
  public mutating func append(segment type: SegmentType) {
    segments.append(
      Segment(type: type, flags: [], virtual: 0, physical: 0, bytes: [], memorySize: 0, alignment: 1))
  }

  /// Adds an empty section in place: for tests that want thousands.
  public mutating func append(section name: String) {
    sections.append(
      Section(
        name: name, type: .programBits, flags: [], address: 0, bytes: [], size: 0, link: 0, info: 0, alignment: 1,
        entrySize: 0))
  }

  /// Adds a note to the one PT_NOTE segment (alignment 4), which is written behind the other segments.
  public func note(owner: String, type: UInt32, descriptor: [UInt8]) -> ELFBuilder {
    var copy = self
    copy.notes += noteBytes(owner: owner, type: type, descriptor: descriptor)
    return copy
  }

  /// One note as it stands in a file, padded to `alignment`.
  public func noteBytes(owner: String, type: UInt32, descriptor: [UInt8], alignment: Int = 4) -> [UInt8] {
    var writer = ELFWriter(class: elfClass, byteOrder: byteOrder)
    writer.word(UInt32(owner.utf8.count + 1))
    writer.word(UInt32(descriptor.count))
    writer.word(type)
    writer.bytes += Array(owner.utf8) + [0]
    writer.pad(to: UInt64(alignment))
    writer.bytes += descriptor
    writer.pad(to: UInt64(alignment))
    return writer.bytes
  }
}
