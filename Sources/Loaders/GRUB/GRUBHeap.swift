import AddressSpace
import Addresses

/// The memory that GRUB's heap has free, by address: where the relocator finds room for what it will move later
/// (grub-core/lib/relocator.c, malloc_in_range; kern/i386/pc/init.c and kern/main.c for what the heap is made of).
struct GRUBHeap {
  /// A stretch of free bytes.
  struct Block {
    var start: UInt32
    /// The byte behind the last.
    var end: UInt32
    /// Whether the heap's own header stands at its start: it moves up when bytes are taken there.
    var isRegionStart: Bool
  }

  private(set) var blocks: [Block]
  /// Where the memory ends at whose top GRUB's own blocks are, with gaps between them.
  private var ownEnd: UInt32 = 0

  /// All usable memory from 1 MiB to 4 GiB but for what GRUB itself needs, which lies at the top.
  init(of machine: MemoryMap) {
    blocks = []
    for range in machine.usable {
      let start = max(range.start.value, 0x10_0000)
      let end = min(range.endValue, 0xffff_f000)
      guard start < end else { continue }
      blocks.append(Block(start: UInt32(start), end: UInt32(end), isRegionStart: true))
    }
    guard let last = blocks.indices.last else { return }
    ownEnd = blocks[last].end
    let own = min(GRUB.ownMemory, blocks[last].end - blocks[last].start)
    blocks[last].end -= own
  }

  /// Where `size` bytes are free between two addresses, or nil; they are taken.
  ///
  /// - Parameter avoiding: ranges that must not be touched.
  mutating func take(
    from least: UInt32, to greatest: UInt32, alignment: UInt32, size: UInt32, lowest: Bool,
    avoiding chunks: [GRUBChunk] = []
  ) -> UInt32? {
    let start = least.grubAlignedUp(to: alignment)
    let end = (greatest &- size).grubAlignedDown(to: alignment) &+ size
    guard end >= start &+ size else { return nil }
    let runs = free(avoiding: chunks)
    for run in lowest ? runs : runs.reversed() {
      let target: UInt32
      if lowest {
        target = max(run.start.grubAlignedUp(to: alignment), start)
        guard Self.fits(target, size, end), Self.fits(target, size, run.end) else { continue }
      } else {
        guard run.end >= size else { continue }
        target = min((run.end - size).grubAlignedDown(to: alignment), end &- size)
        guard target >= start, target >= run.start else { continue }
      }
      occupy(target, size)
      return target
    }
    return nil
  }

  /// Whether a search from the lowest place that found nothing sound takes a gap between GRUB's own blocks: the sum of
  /// the gap's address and the size wraps around 4 GiB, and passes as less than the gap's end.
  func takesTooSmallGap(from least: UInt32, to greatest: UInt32, size: UInt32) -> Bool {
    greatest >= size && greatest - size >= least && ownEnd >= least && ownEnd > 0 &- size
  }

  /// Whether a block has room for `size` bytes only just: it ends at GRUB's own memory, whose size changes with the
  /// modules that it has loaded.
  func isTight(for size: UInt32) -> Bool {
    let end = ownEnd &- GRUB.ownMemory
    return blocks.contains { $0.end == end && $0.end - $0.start >= size && $0.end - $0.start - size < 2 << 20 }
  }

  /// Whether the gaps between GRUB's own blocks are below an address and one of them is as large as `size`.
  func hasGap(below address: UInt32, for size: UInt32) -> Bool { address >= ownEnd && size <= GRUB.ownMemory }

  private static func fits(_ target: UInt32, _ size: UInt32, _ end: UInt32) -> Bool { target &+ size <= end }

  /// The free stretches without what the chunks will be moved to, in order of address.
  private func free(avoiding chunks: [GRUBChunk]) -> [(start: UInt32, end: UInt32)] {
    var runs = blocks.map { (start: $0.start, end: $0.end) }
    for chunk in chunks where chunk.size > 0 {
      let low = chunk.target
      let high = chunk.target &+ chunk.size
      runs = runs.flatMap { run in
        guard low < run.end, high > run.start else { return [run] }
        return [(start: run.start, end: max(low, run.start)), (start: min(high, run.end), end: run.end)]
      }
    }
    return runs.filter { $0.start < $0.end }
  }

  /// Takes bytes out of the block that holds them. Headers of 16 bytes at multiples of 16 divide what is left.
  private mutating func occupy(_ start: UInt32, _ size: UInt32) {
    guard size > 0, let index = blocks.firstIndex(where: { $0.start <= start && start < $0.end }) else { return }
    let block = blocks[index]
    let end = start &+ size
    let header = block.start.grubAlignedUp(to: 16)
    var rest: [Block] = []
    if block.isRegionStart, start < header &+ 16 {
      if end < block.end { rest.append(Block(start: end, end: block.end, isRegionStart: true)) }
    } else {
      // A block at the start of its region also keeps room for the region's header and its own.
      let reserve: UInt32 = block.isRegionStart ? 32 : 0
      let lowEnd = start.grubAlignedDown(to: 16)
      if lowEnd > block.start &+ reserve {
        rest.append(Block(start: block.start, end: lowEnd - reserve, isRegionStart: block.isRegionStart))
      }
      let highStart = end.grubAlignedUp(to: 16)
      if highStart &+ 16 <= block.end {
        rest.append(Block(start: highStart, end: block.end, isRegionStart: false))
      }
    }
    blocks.replaceSubrange(index...index, with: rest)
  }
}

/// What GRUB moves at the end: bytes kept at `source` until then.
struct GRUBChunk {
  var source: UInt32
  var target: UInt32
  var size: UInt32
}

extension UInt32 {
  /// GRUB's ALIGN_UP, also for alignments that are no power of two, and 0.
  func grubAlignedUp(to alignment: UInt32) -> UInt32 { (self &+ alignment &- 1) & ~(alignment &- 1) }
  /// GRUB's ALIGN_DOWN.
  func grubAlignedDown(to alignment: UInt32) -> UInt32 { self & ~(alignment &- 1) }
}
