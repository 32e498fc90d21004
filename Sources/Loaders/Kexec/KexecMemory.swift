import AddressSpace
import Addresses
import Placement

/// What kexec may fill: the machine's RAM without the segments that are placed already (kexec/kexec.c).
struct KexecMemory {
  struct Segment {
    var start: UInt64
    /// Whole pages.
    var size: UInt64
  }

  /// Sorted, ends inclusive, as /sys/firmware/memmap gives them.
  private(set) var ram: [ClosedRange<UInt64>]
  private(set) var segments: [Segment] = []
  /// How many entries the map has, RAM or not.
  let entryCount: UInt64

  init(_ machine: MemoryMap) {
    ram = machine.usable.compactMap { range in
      range.last.map { range.start.value...$0.value }
    }
    entryCount = UInt64(machine.entries.count)
    // REALMODE_IVT_END (kexec/arch/i386/kexec-x86-common.c, get_memory_ranges): the interrupt table is not RAM.
    if let index = ram.firstIndex(where: { $0.lowerBound < 0x400 }), ram[index].upperBound >= 0x400 {
      ram[index] = 0x400...ram[index].upperBound
    }
  }

  /// What making the map for a Multiboot kernel does to kexec's own copy of it: the RAM that starts below 64 KiB starts
  /// at 0 from then on (kexec-multiboot-x86.c, multiboot_x86_load; kexec-mb2-x86.c, multiboot_construct_memory_map).
  mutating func forgetTheInterruptTable() {
    var end: UInt64 = 0
    for index in ram.indices where ram[index].lowerBound <= 0x1_0000 && ram[index].upperBound > end {
      end = ram[index].upperBound
      ram[index] = 0...end
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
    sort()
    var end: UInt64 = 0
    for segment in segments {
      if end > segment.start { return end }
      end = segment.start &+ segment.size
    }
    return nil
  }

  /// kexec's own sort, since it decides which of two segments at one address comes first. It takes quadratic time: for
  /// more segments than a system call could take anyway, any sort will do.
  private mutating func sort() {
    guard segments.count <= 256 else { return segments.sort { $0.start < $1.start } }
    for index in segments.indices {
      var least = index
      for other in segments.indices.dropFirst(index + 1) where segments[other].start < segments[least].start {
        least = other
      }
      segments.swapAt(index, least)
    }
  }

  enum Preference { case lowest, highest }

  enum Hole {
    case at(UInt64)
    /// What kexec says.
    case none(String)
  }

  /// The lowest or highest free place of `size` bytes (locate_hole). Segments must be sorted.
  func hole(
    size: UInt64, alignment: UInt64, from low: UInt64, through high: UInt64, _ preference: Preference
  ) -> Hole {
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
    guard let base, base != .max else {
      return .none("Could not find a free area of memory of \(hex(size)) bytes...")
    }
    guard size == 0 || base &+ size &- 1 <= high else {
      return .none("Could not find a free area of memory below: \(hex(high))...")
    }
    return .at(base)
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
