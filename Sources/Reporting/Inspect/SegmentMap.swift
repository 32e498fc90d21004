import Addresses
import KernelImage

/// Which sections lie in which segment, by the rules of `readelf -l` (binutils, include/elf/internal.h,
/// ELF_SECTION_IN_SEGMENT_STRICT).
struct SegmentMap {
  /// Comparing every section with every segment is quadratic; no real image has more pairs than this.
  private static var mostPairs: Int { 4_000_000 }

  /// Section indices for each segment, in their order; nil when there are too many to compare.
  let sections: [[Int]]?

  init(_ elf: ELFFile) {
    let (pairs, overflow) = elf.programHeaders.count.multipliedReportingOverflow(by: elf.sectionHeaders.count)
    guard !overflow, pairs <= Self.mostPairs else {
      sections = nil
      return
    }
    sections = elf.programHeaders.map { segment in
      elf.sectionHeaders.filter { $0.index > 0 && Self.holds(segment, $0) }.map(\.index)
    }
  }

  private static func holds(_ segment: ProgramHeader, _ section: SectionHeader) -> Bool {
    allowsKind(segment, section) && holdsFileBytes(segment, section) && holdsAddresses(segment, section)
      && !isEmptyAtEdge(segment, section)
  }

  /// Thread-local sections belong to PT_TLS and what contains it; PT_PHDR has none; memory segments take only SHF_ALLOC.
  private static func allowsKind(_ segment: ProgramHeader, _ section: SectionHeader) -> Bool {
    let isThreadLocal = section.flags.contains(.threadLocal)
    switch segment.type {
    case .threadLocal: return isThreadLocal
    case .programHeaders: return false
    case .load, .gnuReadOnlyAfterRelocation:
      // .tbss takes no memory in them: each thread makes its own.
      return section.flags.contains(.allocate) && !(isThreadLocal && section.type == .noBits)
    case .dynamic, .gnuExceptionFrame, .gnuStack: return !isThreadLocal && section.flags.contains(.allocate)
    default: return !isThreadLocal
    }
  }

  private static func holdsFileBytes(_ segment: ProgramHeader, _ section: SectionHeader) -> Bool {
    section.type == .noBits
      || Self.holds(
        start: segment.fileRange.start.value, count: segment.fileSize.value, section.fileOffset, section.size.value)
  }

  private static func holdsAddresses(_ segment: ProgramHeader, _ section: SectionHeader) -> Bool {
    !section.flags.contains(.allocate)
      || Self.holds(
        start: segment.virtualAddress.value, count: segment.memorySize.value, section.address.value,
        section.size.value)
  }

  /// An empty section at the start or the end of PT_DYNAMIC or PT_NOTE belongs to its neighbour.
  private static func isEmptyAtEdge(_ segment: ProgramHeader, _ section: SectionHeader) -> Bool {
    guard segment.type == .dynamic || segment.type == .note, section.size == .zero, segment.memorySize != .zero else {
      return false
    }
    func isInside(_ position: UInt64, _ start: UInt64, _ count: UInt64) -> Bool {
      position > start && position - start < count
    }
    let file = isInside(section.fileOffset, segment.fileRange.start.value, segment.fileSize.value)
    let memory = isInside(section.address.value, segment.virtualAddress.value, segment.memorySize.value)
    return !((section.type == .noBits || file) && (!section.flags.contains(.allocate) || memory))
  }

  /// The section starts before the segment's last byte and does not reach beyond it; an empty segment holds only what is
  /// empty and starts where it does.
  private static func holds(start: UInt64, count: UInt64, _ position: UInt64, _ size: UInt64) -> Bool {
    guard position >= start else { return false }
    let distance = position - start
    guard count > 0 else { return distance == 0 && size == 0 }
    return distance < count && size <= count - distance
  }
}
