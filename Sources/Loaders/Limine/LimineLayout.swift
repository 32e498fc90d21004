import BootProtocols
import KernelImage
import Placement

/// The segments that Limine considers, checked as it checks them, and the block that they make (common/lib/elf.c,
/// elf64_load).
struct LimineLayout {
  struct Segment {
    let index: UInt64
    let header: LenientELF.Segment
    /// Modulo 2⁶⁴.
    var end: UInt64 { header.virtualAddress &+ header.memorySize }
    var permissions: UInt64 { header.flags & 7 }
    var name: String { "program header \(index)" }
  }

  let entry: UInt64
  let isRelocatable: Bool
  /// The greatest p_align of any PT_LOAD.
  private(set) var alignment: UInt64 = 0
  /// PT_LOAD with p_memsz, in the table's order.
  private(set) var segments: [Segment] = []
  private(set) var lowest: UInt64 = .max
  private(set) var highest: UInt64 = 0

  /// From the lowest segment's start to the highest one's end.
  var size: UInt64 { highest &- lowest }

  /// The most segments of which the model compares every pair, as Limine does.
  private static var segmentLimit: Int { 2048 }

  init(_ image: RawSpan) throws(Limine.Stop) {
    let header = LenientELF(image, is64: true)
    try Self.checkIdentity(header, image)
    entry = header.entry ?? 0
    isRelocatable = header.type == 3
    let stride = header.programHeaderEntrySize ?? 0
    let all = try Self.table(header, stride, image)
    if isRelocatable, !all.contains(where: { $0.header.type == 2 }) {
      throw Limine.Stop(
        "elf: ELF file type is ET_DYN, but PT_DYNAMIC segment missing", evidence: "e_type 3, e_phnum \(all.count)",
        rule: Limine.rule("a relocatable kernel has a PT_DYNAMIC"))
    }
    for segment in all where segment.header.type == 1 {
      alignment = max(alignment, segment.header.alignment)
      if segment.header.memorySize != 0 { segments.append(segment) }
    }
    guard alignment != 0, !segments.isEmpty else {
      throw Limine.Stop(
        "elf: Executable has no loadable segments", evidence: "e_phnum \(all.count), greatest p_align \(alignment)",
        rule: Limine.rule("some PT_LOAD has p_memsz and p_align"))
    }
    guard segments.count <= Self.segmentLimit else {
      throw Limine.Stop(
        misbehaves: "compares every pair of segments for a long time", evidence: "\(segments.count) PT_LOAD segments",
        rule: Limine.rule("overlaps are looked for pair by pair"))
    }
    try checkSegments()
  }

  private static func checkIdentity(_ header: LenientELF, _ image: RawSpan) throws(Limine.Stop) {
    guard header.hasMagic else {
      throw Limine.Stop(
        "elf: Not a valid ELF file.", evidence: "e_ident \(hex(image.wide(UInt32.self, at: 0) ?? 0))",
        rule: Limine.rule("e_ident starts with 0x7f ELF"))
    }
    guard header.data == 1 else {
      throw Limine.Stop(
        "elf: Not a Little-endian ELF file.", evidence: "EI_DATA \(header.data ?? 0)",
        rule: Limine.rule("EI_DATA is ELFDATA2LSB"))
    }
    guard header.machine == 62 else {
      throw Limine.Stop(
        "elf: Not an x86-64 ELF file.", evidence: "e_machine \(header.machine ?? 0)",
        rule: Limine.rule("e_machine is EM_X86_64; EI_CLASS is not looked at"))
    }
    guard header.type == 2 || header.type == 3 else {
      throw Limine.Stop(
        "elf: ELF file not of type ET_EXEC nor ET_DYN", evidence: "e_type \(header.type ?? 0)",
        rule: Limine.rule("e_type is ET_EXEC or ET_DYN"))
    }
  }

  private static func table(
    _ header: LenientELF, _ stride: UInt64, _ image: RawSpan
  ) throws(Limine.Stop) -> [Segment] {
    guard image.byteCount >= 64 else { throw Limine.Stop.outside("\(image.byteCount) bytes") }
    guard stride >= 56 else {
      throw Limine.Stop(
        "elf: phdr_size < sizeof(struct elf64_phdr)", evidence: "e_phentsize \(stride)",
        rule: Limine.rule("e_phentsize is at least that of an Elf64_Phdr"))
    }
    var all: [Segment] = []
    for index in 0..<(header.programHeaderCount ?? 0) {
      guard let segment = header.segment(index, stride: stride, in: image) else {
        throw Limine.Stop.outside("program header \(index), e_phoff \(hex(header.programHeaderOffset ?? 0))")
      }
      all.append(Segment(index: index, header: segment))
    }
    return all
  }

  private mutating func checkSegments() throws(Limine.Stop) {
    var hasLower = false
    for segment in segments {
      if segment.header.virtualAddress < Limine.higherHalf {
        guard isRelocatable else {
          throw Limine.Stop(
            "elf: Lower half PHDRs are not allowed",
            evidence: "\(segment.name), p_vaddr \(hex(segment.header.virtualAddress))",
            rule: Limine.rule("p_vaddr of an ET_EXEC file is not below \(hex(Limine.higherHalf))"))
        }
        hasLower = true
      } else if hasLower {
        throw Limine.Stop(
          "elf: Mix of lower and higher half PHDRs in relocatable kernel",
          evidence: "\(segment.name), p_vaddr \(hex(segment.header.virtualAddress))",
          rule: Limine.rule("no higher segment follows a lower one; the reverse is not noticed"))
      }
      for other in segments where other.index != segment.index { try compare(segment, with: other) }
      lowest = min(lowest, segment.header.virtualAddress)
      highest = max(highest, segment.end)
    }
  }

  private func compare(_ segment: Segment, with other: Segment) throws(Limine.Stop) {
    let start = segment.header.virtualAddress
    let otherStart = other.header.virtualAddress
    if (otherStart >= start && otherStart < segment.end) || (other.end > start && other.end <= segment.end) {
      throw Limine.Stop(
        "elf: Attempted to load ELF file with overlapping PHDRs (\(segment.index) and \(other.index) overlap)",
        evidence: "\(segment.name) [\(hex(start)), \(hex(segment.end))), \(other.name) "
          + "[\(hex(otherStart)), \(hex(other.end)))",
        rule: Limine.rule("no two segments hold the same virtual address"))
    }
    let low = start & ~4095, high = (segment.end &+ 4095) & ~4095
    let otherLow = otherStart & ~4095, otherHigh = (other.end &+ 4095) & ~4095
    let meets = (low >= otherLow && low < otherHigh) || (high > otherLow && high <= otherHigh)
    guard !meets || segment.permissions == other.permissions else {
      throw Limine.Stop(
        "elf: Attempted to load ELF file with PHDRs with different permissions sharing the same memory page.",
        evidence: "\(segment.name), p_flags \(segment.permissions), \(other.name), p_flags \(other.permissions)",
        rule: Limine.rule("segments that share a page of 4 KiB have the same rights"))
    }
  }
}
