public import AddressSpace
public import Addresses

/// How many frames the tables of an address space take: exactly those that ``PageTableImage`` fills.
public struct PageTableBudget: Hashable, Sendable {
  /// Frames by level, root first: [PML4, PDPT, PD, PT].
  public let framesByLevel: [Int]
  /// The size of one.
  public let frameSize: ByteCount

  /// All frames.
  public var frames: Int { framesByLevel.reduce(0, +) }
  /// The room they take.
  public var byteCount: ByteCount { ByteCount(UInt64(frames) * frameSize.value) }

  /// Counts for the mode's usual format; see ``init(for:format:)``.
  public init(for space: AddressSpace) { self.init(for: space, format: PagingFormat(space.mode)) }

  /// Counts without building and without looking at single pages: a table exists for each block of addresses that its
  /// level covers and that holds a smaller page; stretches of equal pages come in ascending order, so that blocks are
  /// counted as ranges. The cost is proportional to the number of mappings.
  public init(for space: AddressSpace, format: some TableFormat) {
    let geometry = format.geometry
    let root = geometry.rootLevel
    var counts = [Int](repeating: 0, count: root.rawValue)
    // The block that was counted last, by level; no block has the number 2⁶⁴ - 1, as a block is at least 2 MiB.
    var lastBlocks = [UInt64](repeating: .max, count: root.rawValue)
    counts[0] = 1
    for mapping in space.mappings {
      for stretch in mapping.pageStretches(in: format) {
        guard let last = stretch.virtual.last else { continue }
        var level = stretch.level
        while level < root {
          let slot = root.rawValue - level.rawValue
          let lastBlock = geometry.linear(last.value) >> geometry.tableShift(of: level)
          let firstBlock = geometry.linear(stretch.virtual.start.value) >> geometry.tableShift(of: level)
          let known = firstBlock == lastBlocks[slot]
          counts[slot] += Int(lastBlock - firstBlock) + (known ? 0 : 1)
          lastBlocks[slot] = lastBlock
          level = level.above
        }
      }
    }
    framesByLevel = counts
    frameSize = geometry.frameSize
  }
}

/// Neighbouring pages of one size, contiguous in both spaces.
public struct PageStretch: Hashable, Sendable {
  public let virtual: VirtualRange
  /// The physical address behind `virtual.start`.
  public let physical: PhysicalAddress
  public let level: TableLevel
  public let pageSize: PageSize

  /// How many pages it takes.
  public var pageCount: UInt64 { virtual.count.value >> UInt64(pageSize.rawValue) }
}

extension MappingIntent {
  /// The pages that map this intent in the mode's usual format, in ascending order.
  public func pageStretches(in mode: PagingMode) -> [PageStretch] { pageStretches(in: PagingFormat(mode)) }

  /// The pages that map this intent, in ascending order.
  public func pageStretches(in format: some TableFormat) -> [PageStretch] {
    var stretches: [PageStretch] = []
    PageLayout(format: format, largest: largestPage).add(self, to: &stretches)
    return stretches
  }
}

extension PageLayout {
  /// Adds the pages that map an intent, in ascending order: at most two stretches for each level.
  func add(_ intent: MappingIntent, to stretches: inout [PageStretch]) {
    add(intent, from: 0, count: intent.virtual.count.value, level: format.geometry.rootLevel, to: &stretches)
  }

  private func add(
    _ intent: MappingIntent, from offset: UInt64, count: UInt64, level: TableLevel, to stretches: inout [PageStretch]
  ) {
    guard count > 0 else { return }
    let start = intent.virtual.start.value &+ offset
    let physical = intent.physical.value &+ offset
    guard level > .pageTable else {
      stretches.add(stretch(of: intent, from: offset, count: count, level: level))
      return
    }
    let mask = (1 << format.geometry.shift(of: level)) &- 1 as UInt64
    // Distances instead of end addresses: a range may end at 2⁶⁴.
    let head = (0 &- start) & mask
    let isCongruent = (start ^ physical) & mask == 0
    guard isAllowed(level), isCongruent, head < count, count - head > mask else {
      add(intent, from: offset, count: count, level: level.below, to: &stretches)
      return
    }
    let middle = (count - head) & ~mask
    add(intent, from: offset, count: head, level: level.below, to: &stretches)
    stretches.add(stretch(of: intent, from: offset + head, count: middle, level: level))
    add(intent, from: offset + head + middle, count: count - head - middle, level: level.below, to: &stretches)
  }

  private func stretch(
    of intent: MappingIntent, from offset: UInt64, count: UInt64, level: TableLevel
  ) -> PageStretch {
    PageStretch(
      virtual: VirtualRange(
        uncheckedStart: VirtualAddress(unchecked: intent.virtual.start.value &+ offset), count: ByteCount(count)),
      physical: PhysicalAddress(unchecked: intent.physical.value &+ offset), level: level,
      pageSize: format.geometry.pageSize(of: level))
  }
}
