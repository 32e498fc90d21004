import Addresses

/// Fills tables from stretches that come in ascending order.
///
/// As addresses only rise, the only tables that can still get entries are the last one of each level: the way down
/// from the root is an array, and nothing is ever read back.
struct X86_64TableBuilder {
  private let base: PhysicalAddress
  private let root: TableLevel
  private var bytes: [UInt8]
  /// For each level, root first: the frame number of its first table.
  private var firstFrames: [Int] = []
  /// For each level: how many tables are in use.
  private(set) var usedFrames: [Int]
  /// For each level: which block of addresses its last table covers.
  private var blocks: [UInt64]

  init(budget: PageTableBudget, base: PhysicalAddress) {
    self.base = base
    root = TableLevel(rawValue: budget.framesByLevel.count)
    bytes = [UInt8](repeating: 0, count: budget.frames * TableFrame.byteCount)
    usedFrames = [Int](repeating: 0, count: root.rawValue)
    blocks = [UInt64](repeating: .max, count: root.rawValue)
    var frame = 0
    for count in budget.framesByLevel {
      firstFrames.append(frame)
      frame += count
    }
    usedFrames[0] = 1
  }

  consuming func takeBytes() -> [UInt8] { bytes }

  /// Writes the entries of a stretch, table after table.
  mutating func map(_ stretch: PageStretch, access: Access, cache: CachePolicy) {
    let level = TableLevel(mapping: stretch.pageSize)
    let step = stretch.pageSize.byteCount.value
    var entry = X86_64Entry(page: stretch.physical, size: stretch.pageSize, access: access, cache: cache)
    var address = stretch.virtual.start
    var left = stretch.pageCount
    while left > 0 {
      let index = address.tableIndex(at: level)
      let count = min(Int(clamping: left), TableFrame.entryCount - index)
      let offset = table(at: level, for: address) * TableFrame.byteCount + index * 8
      fill(count, from: offset, first: entry.rawValue, step: step)
      entry.rawValue &+= UInt64(count) &* step
      address = VirtualAddress(unchecked: address.value &+ UInt64(count) &* step)
      left -= UInt64(count)
    }
  }

  /// The frame number of the table at `level` that covers `address`, linked from the root where it is new.
  private mutating func table(at level: TableLevel, for address: VirtualAddress) -> Int {
    guard level < root else { return 0 }
    let slot = root.rawValue - level.rawValue
    let block = address.value >> level.tableShift
    if blocks[slot] != block {
      let above = TableLevel(rawValue: level.rawValue + 1)
      let parent = table(at: above, for: address)
      let frame = firstFrames[slot] + usedFrames[slot]
      let target = PhysicalAddress(unchecked: base.value + UInt64(frame * TableFrame.byteCount))
      fill(
        1, from: parent * TableFrame.byteCount + address.tableIndex(at: above) * 8,
        first: X86_64Entry(table: target).rawValue, step: 0)
      usedFrames[slot] += 1
      blocks[slot] = block
    }
    return firstFrames[slot] + usedFrames[slot] - 1
  }

  /// Writes `count` little-endian entries, each `step` above the one before.
  private mutating func fill(_ count: Int, from offset: Int, first: UInt64, step: UInt64) {
    var span = bytes.mutableSpan
    // SAFETY: 1. every byte pattern is a UInt8, so any store leaves valid elements; 2. each store is bounds-checked.
    var raw = unsafe span.mutableBytes
    var value = first
    for index in 0..<count {
      raw.storeBytes(of: value.littleEndian, toByteOffset: offset + index * 8, as: UInt64.self)
      value &+= step
    }
  }
}
