import Addresses
import BareMachine
import LoaderEntry
import PageTables
import Placement
import Processor

/// The loader's own page tables, to which it adds what it needs of the memory above 4 GiB.
struct HighMemory {
  private let tables: TranslationTables<X86_64Format, RegionTableMemory>
  private var frames: LeveledFrames

  init() {
    let root = read_cr3()
    // From the root, the first of the frames that entry.S fills, to the last that is left.
    let bytes = Int(UInt64(loader_frames_end()) - root)
    // SAFETY: these frames are this program's own, mapped where they lie, and nothing else refers to them.
    let buffer = unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: UInt(root)), count: bytes)
    guard let memory = unsafe RegionTableMemory(base: PhysicalAddress(root), bytes: buffer) else {
      preconditionFailure("entry.S aligns its tables to a page")
    }
    let start = PhysicalAddress(UInt64(loader_frames_start()))
    let count = ByteCount(UInt64(loader_frames_end() - loader_frames_start()))
    tables = TranslationTables(format: X86_64Format(), memory: memory, root: PhysicalAddress(root))
    // The planner's own source of frames: the code that maps is there once.
    frames = LeveledFrames(
      sharing: PhysicalRange(uncheckedStart: start, count: count), frameSize: ByteCount(4096))
  }

  /// Maps what a range has above 4 GiB at its own addresses, in pages of 2 MiB.
  @inline(never) mutating func reach(_ range: PhysicalRange, in memory: inout IdentityMemory) throws(Refusal) {
    let size: UInt64 = 2 << 20
    var next = max(range.start.value, 1 << 32) & ~(size - 1)
    while next < range.endValue {
      let page = PhysicalRange(uncheckedStart: PhysicalAddress(next), count: ByteCount(size))
      if !memory.holds(page) {
        try map(page, for: range)
        // SAFETY: mapped just now, readable and writable, and never taken away.
        unsafe memory.add(page)
      }
      next += size
    }
  }

  private mutating func map(_ page: PhysicalRange, for range: PhysicalRange) throws(Refusal) {
    do throws(TableEditError) {
      // What `memory` does not hold was never mapped.
      try tables.mapChecked(
        VirtualRange(uncheckedStart: VirtualAddress(page.start.value), count: page.count), to: page.start,
        as: PageKind(.readWrite), largest: .size2MiB, user: false, frames: &frames)
    } catch {
      throw Refusal("the loader cannot map physical \(hex: range): it has 64 frames for its page tables")
    }
  }
}
