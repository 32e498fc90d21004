import Addresses
import KernelImage

/// The measures of a generic ELF kernel for x86, checked.
final class ELFGeometry {
  /// PT_LOAD segments with memory, by `p_vaddr`; no two overlap.
  let segments: [ProgramHeader]
  let reading: PhysicalReading
  /// ELF64 for x86-64, entered in 64-bit mode; else ELF32 for i386, entered with paging off.
  let is64: Bool
  /// The lowest address in the reading's terms.
  let base: UInt64
  /// From the lowest to the highest byte in the reading's terms.
  let span: ByteCount
  let isPositionIndependent: Bool

  private init(
    _ segments: [ProgramHeader], _ reading: PhysicalReading, is64: Bool, base: UInt64, span: ByteCount,
    isPositionIndependent: Bool
  ) {
    self.segments = segments
    self.reading = reading
    self.is64 = is64
    self.base = base
    self.span = span
    self.isPositionIndependent = isPositionIndependent
  }

  static func of(
    _ elf: borrowing ELFFile, bytes: RawSpan, memoryTop: UInt64
  ) throws(PlanError) -> ELFGeometry {
    let header = elf.header
    let is64 = header.class == .bits64
    guard header.byteOrder == .little, header.machine == (is64 ? .x86_64 : .i386) else {
      throw PlanError(
        .wrongImage,
        """
        e_machine (offset 0x12) is \(header.machine.rawValue) and EI_CLASS \(is64 ? 2 : 1): this loader enters ELF64 for \
        x86-64 (62) and ELF32 for i386 (3)
        """)
    }
    guard header.type == .executable || header.type == .shared else {
      throw PlanError(
        .wrongImage, "e_type (offset 0x10) is \(header.type.rawValue): only ET_EXEC (2) and ET_DYN (3) can be entered")
    }
    let isPositionIndependent = header.type == .shared
    guard is64 || !isPositionIndependent else {
      throw PlanError(
        .wrongImage,
        "e_type (offset 0x10) is ET_DYN (3): a kernel that is entered with paging off runs where it was linked")
    }
    let segments = try PerchLoader.loadable(elf).ordered { $0.virtualAddress.value }
    try checkVirtual(segments)
    let reading =
      isPositionIndependent
      ? PhysicalReading.positionIndependent()
      : try PhysicalReading.of(segments, AddressFields(elf, in: bytes), memoryTop: memoryTop)
    let (base, span) = try measure(segments, offset: reading.offset, byVirtual: isPositionIndependent)
    // With paging off there is only the physical address; see `physicalEntry`.
    let entry = header.entry
    guard !is64 || segments.contains(where: { holds($0, entry.value) }) else {
      throw PlanError(.wrongImage, "e_entry (offset 0x18) \(hex: entry) lies in no PT_LOAD segment's virtual range")
    }
    return ELFGeometry(
      segments, reading, is64: is64, base: base, span: span, isPositionIndependent: isPositionIndependent)
  }

  /// Where a segment lies in the reading's terms.
  func position(of segment: ProgramHeader) -> UInt64 {
    isPositionIndependent ? segment.virtualAddress.value : segment.physicalAddress &- reading.offset
  }

  /// The end of the physical memory that the kernel can be put into.
  var physicalLimit: UInt64 { is64 ? 1 << 46 : 1 << 32 }

  static func holds(_ segment: ProgramHeader, _ address: UInt64) -> Bool {
    address >= segment.virtualAddress.value && address - segment.virtualAddress.value < segment.memorySize.value
  }

  private static func checkVirtual(_ segments: [ProgramHeader]) throws(PlanError) {
    var lastEnd: UInt64 = 0
    for (position, segment) in segments.enumerated() {
      let start = segment.virtualAddress.value
      guard position == 0 || (start > lastEnd) else {
        throw PlanError(
          .overlap,
          """
          \(segment.place): p_vaddr \(hex: start) lies inside program header \
          \(segments[position - 1].index), whose last byte is \(hex: lastEnd)
          """)
      }
      let (last, overflow) = start.addingReportingOverflow(segment.memorySize.value - 1)
      guard !overflow else {
        throw PlanError(
          .badRequest,
          "\(segment.place): p_vaddr \(hex: start) + p_memsz \(hex: segment.memorySize) wraps around 2^64"
        )
      }
      lastEnd = last
    }
  }

  private static func measure(
    _ segments: [ProgramHeader], offset: UInt64, byVirtual: Bool
  ) throws(PlanError) -> (UInt64, ByteCount) {
    var starts: [UInt64] = []
    for segment in segments {
      starts.add(byVirtual ? segment.virtualAddress.value : segment.physicalAddress &- offset)
    }
    let order = starts.order { $0 }
    let base = starts[order[0]]
    var end = base
    for position in order.indices {
      let segment = segments[order[position]]
      let start = starts[order[position]]
      guard position == 0 || start >= end else {
        throw PlanError(
          .overlap,
          """
          \(segment.place): p_paddr \(hex: start) lies inside program header \(segments[order[position - 1]].index), \
          which reaches \(hex: end)
          """)
      }
      let (sum, overflow) = start.addingReportingOverflow(segment.memorySize.value)
      guard !overflow else {
        throw PlanError(
          .notUsable,
          "\(segment.place): p_paddr \(hex: start) + p_memsz \(hex: segment.memorySize) wraps around 2^64"
        )
      }
      end = sum
    }
    return (base, ByteCount(end - base))
  }
}
