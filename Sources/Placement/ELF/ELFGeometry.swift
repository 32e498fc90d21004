import Addresses
import KernelImage

/// How the `p_paddr` fields of an image are to be read. Images of different traditions mean different things.
enum PhysicalReading {
  /// `p_paddr` is a physical address.
  case physical
  /// `p_paddr` repeats `p_vaddr` where no memory can be: only the distances between segments count.
  case virtual
}

/// The measures of a generic x86-64 ELF kernel, checked.
struct ELFGeometry {
  /// PT_LOAD segments with memory, by `p_vaddr`; no two overlap.
  var segments: [ProgramHeader]
  var reading: PhysicalReading
  /// Why `p_paddr` is read that way.
  var readingReason: String
  /// The lowest address in the reading's terms.
  var base: UInt64
  /// From the lowest to the highest byte in the reading's terms.
  var span: ByteCount
  var isPositionIndependent: Bool

  init(_ elf: ELFFile, memoryTop: UInt64) throws(PlanError) {
    let header = elf.header
    guard header.class == .bits64, header.byteOrder == .little, header.machine == .x86_64 else {
      throw PlanError(
        .wrongImage,
        "e_machine (offset 0x12) is \(header.machine.rawValue) and EI_CLASS \(header.class == .bits64 ? 2 : 1): this loader enters ELF64 for x86-64 (62)"
      )
    }
    guard header.type == .executable || header.type == .shared else {
      throw PlanError(
        .wrongImage, "e_type (offset 0x10) is \(header.type.rawValue): only ET_EXEC (2) and ET_DYN (3) can be entered")
    }
    isPositionIndependent = header.type == .shared
    segments = try PerchLoader.loadable(elf)
    segments.sort { $0.virtualAddress < $1.virtualAddress }
    try Self.checkVirtual(segments)
    (reading, readingReason) =
      isPositionIndependent
      ? (.virtual, "position independent: the distances between segments' p_vaddr are kept")
      : Self.read(segments, memoryTop: memoryTop)
    (base, span) = try Self.measure(segments, reading)
    let entry = header.entry
    guard segments.contains(where: { Self.holds($0, entry.value) }) else {
      throw PlanError(.wrongImage, "e_entry (offset 0x18) \(hex(entry)) lies in no PT_LOAD segment's virtual range")
    }
  }

  /// Where a segment lies in the reading's terms.
  func position(of segment: ProgramHeader) -> UInt64 {
    reading == .physical ? segment.physicalAddress : segment.virtualAddress.value
  }

  private static func holds(_ segment: ProgramHeader, _ address: UInt64) -> Bool {
    address >= segment.virtualAddress.value && address - segment.virtualAddress.value < segment.memorySize.value
  }

  private static func checkVirtual(_ segments: [ProgramHeader]) throws(PlanError) {
    var lastEnd: UInt64 = 0
    for (position, segment) in segments.enumerated() {
      let start = segment.virtualAddress.value
      guard position == 0 || (start > lastEnd) else {
        throw PlanError(
          .overlap,
          "\(segment.place): p_vaddr \(hex(start)) lies inside program header "
            + "\(segments[position - 1].index), whose last byte is \(hex(lastEnd))")
      }
      let (last, overflow) = start.addingReportingOverflow(segment.memorySize.value - 1)
      guard !overflow else {
        throw PlanError(
          .badRequest,
          "\(segment.place): p_vaddr \(hex(start)) + p_memsz \(hex(segment.memorySize)) wraps around 2^64"
        )
      }
      lastEnd = last
    }
  }

  private static func read(_ segments: [ProgramHeader], memoryTop: UInt64) -> (PhysicalReading, String) {
    let equal = segments.allSatisfy { $0.physicalAddress == $0.virtualAddress.value }
    let outside = segments.contains { $0.physicalAddress >= memoryTop }
    if equal && outside {
      return (
        .virtual,
        "every p_paddr repeats p_vaddr and lies above the end of memory \(hex(memoryTop)): the distances between segments are kept"
      )
    }
    return (.physical, equal ? "p_paddr equals p_vaddr and lies in memory" : "p_paddr differs from p_vaddr")
  }

  private static func measure(
    _ segments: [ProgramHeader], _ reading: PhysicalReading
  ) throws(PlanError) -> (UInt64, ByteCount) {
    func start(_ segment: ProgramHeader) -> UInt64 {
      reading == .physical ? segment.physicalAddress : segment.virtualAddress.value
    }
    let ordered = segments.sorted { start($0) < start($1) }
    let base = start(ordered[0])
    var end = base
    for (position, segment) in ordered.enumerated() {
      guard position == 0 || start(segment) >= end else {
        throw PlanError(
          .overlap,
          "\(segment.place): p_paddr \(hex(start(segment))) lies inside program header "
            + "\(ordered[position - 1].index), which reaches \(hex(end))")
      }
      let (sum, overflow) = start(segment).addingReportingOverflow(segment.memorySize.value)
      guard !overflow else {
        throw PlanError(
          .notUsable,
          "\(segment.place): p_paddr \(hex(start(segment))) + p_memsz \(hex(segment.memorySize)) wraps around 2^64"
        )
      }
      end = sum
    }
    return (base, ByteCount(end - base))
  }
}
