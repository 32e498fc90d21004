import AddressSpace
import Addresses
import Placement

/// What kexec may fill: the machine's RAM without the segments that are placed already (kexec/kexec.c).
struct KexecMemory {
  struct Segment {
    var start: UInt64
    /// Whole pages.
    var size: UInt64
    var index: Int
  }

  /// Sorted, ends inclusive, as /proc/iomem gives them.
  let ram: [ClosedRange<UInt64>]
  private(set) var segments: [Segment] = []

  init(_ machine: MemoryMap) {
    ram = machine.usable.compactMap { range in
      range.last.map { range.start.value...$0.value }
    }
  }

  /// Whether one range of RAM holds both addresses and what lies between (valid_memory_range).
  func holds(_ first: UInt64, _ last: UInt64) -> Bool {
    first <= last && ram.contains { $0.lowerBound <= first && $0.upperBound >= last }
  }

  /// Takes a segment of whole pages; false where RAM does not hold it (add_segment_phys_virt).
  mutating func take(_ segment: Segment) -> Bool {
    guard holds(segment.start, segment.start &+ segment.size &- 1) else { return false }
    segments.append(segment)
    return true
  }

  /// Where the first two segments overlap: the end of the lower one (sort_segments). Sorts.
  mutating func overlap() -> UInt64? {
    segments.sort { ($0.start, $0.index) < ($1.start, $1.index) }
    var end: UInt64 = 0
    for segment in segments {
      if end > segment.start { return end }
      end = segment.start &+ segment.size
    }
    return nil
  }

  enum Preference { case lowest, highest }

  /// The lowest or highest free place of `size` bytes, or nil (locate_hole). Segments must be sorted.
  func hole(
    size: UInt64, alignment: UInt64, from low: UInt64, through high: UInt64, _ preference: Preference
  ) -> UInt64? {
    // _ALIGN takes any number for a power of two.
    let mask = max(alignment, 4096) &- 1
    var base: UInt64?
    for range in free {
      let start = (max(range.lowerBound, low) &+ mask) & ~mask
      let end = min(range.upperBound, high)
      guard start < end, size == 0 || end - start >= size - 1 else { continue }
      base = preference == .lowest ? start : (end &- size &+ 1) & ~mask
      if preference == .lowest { break }
    }
    guard let base, size == 0 || base &+ size &- 1 <= high else { return nil }
    return base
  }

  /// The RAM between the segments.
  private var free: [ClosedRange<UInt64>] {
    var ranges: [ClosedRange<UInt64>] = []
    var next = 0
    for range in ram {
      var start = range.lowerBound
      while next < segments.count, segments[next].start <= range.upperBound {
        let segment = segments[next]
        if start < segment.start { ranges.append(start...(segment.start - 1)) }
        start = segment.start &+ segment.size
        next += 1
      }
      if start < range.upperBound { ranges.append(start...range.upperBound) }
    }
    return ranges
  }
}
