public import AddressSpace
public import Addresses

/// How many frames the tables of an address space take: exactly those that ``PageTableImage`` fills.
public struct PageTableBudget: Hashable, Sendable {
  /// Frames by level, root first: [PML4, PDPT, PD, PT].
  public let framesByLevel: [Int]

  /// All frames.
  public var frames: Int { framesByLevel.reduce(0, +) }
  /// The room they take.
  public var byteCount: ByteCount { ByteCount(UInt64(frames) << 12) }

  /// Counts without building and without looking at single pages: a table exists for each block of addresses that its
  /// level covers and that holds a smaller page, and stretches come in ascending order, so that blocks are counted as
  /// ranges. The cost is proportional to the number of mappings.
  public init(for space: AddressSpace) {
    let root = space.mode.rootLevel
    var counts = [Int](repeating: 0, count: root.rawValue)
    // The block that was counted last, by level; no block has the number 2⁶⁴ - 1, as a block is at least 2 MiB.
    var lastBlocks = [UInt64](repeating: .max, count: root.rawValue)
    counts[0] = 1
    for mapping in space.mappings {
      for stretch in mapping.pageStretches {
        guard let last = stretch.virtual.last else { continue }
        var level = TableLevel(mapping: stretch.pageSize)
        while level < root {
          let slot = root.rawValue - level.rawValue
          let lastBlock = last.value >> level.tableShift
          let firstBlock = stretch.virtual.start.value >> level.tableShift
          let known = firstBlock == lastBlocks[slot]
          counts[slot] += Int(lastBlock - firstBlock) + (known ? 0 : 1)
          lastBlocks[slot] = lastBlock
          level = TableLevel(rawValue: level.rawValue + 1)
        }
      }
    }
    framesByLevel = counts
  }
}
