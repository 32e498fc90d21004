public import Addresses

/// Writes the entries of a range that was found free.
///
/// A table that the range covers whole is never cleared: every entry of it is written once.
@usableFromInline
struct MapVisitor<Format: TableFormat, Memory: WritableTableMemory, Frames: FrameSource>: TableVisitor {
  @usableFromInline let tables: TranslationTables<Format, Memory>
  @usableFromInline let first: UInt64
  @usableFromInline let last: UInt64
  @usableFromInline let physical: UInt64
  @usableFromInline let kind: PageKind
  @usableFromInline let layout: PageLayout<Format>
  /// Whether new table entries let users through.
  @usableFromInline let user: Bool
  @usableFromInline var frames: Frames
  /// By level: whether the table that is visited is new and was not cleared, so that its entries mean nothing.
  @usableFromInline var isUnwritten: InlineArray<6, Bool> = .init(repeating: false)

  @inlinable
  init(
    tables: TranslationTables<Format, Memory>, first: UInt64, last: UInt64, physical: UInt64, kind: PageKind,
    layout: PageLayout<Format>, user: Bool, frames: Frames
  ) {
    self.tables = tables
    self.first = first
    self.last = last
    self.physical = physical
    self.kind = kind
    self.layout = layout
    self.user = user
    self.frames = frames
  }

  @inlinable
  mutating func visit(
    _ entry: UInt64, _ slot: TableSlot, first low: UInt64, last high: UInt64
  ) throws(TableEditError) -> WalkStep {
    let isNew = isUnwritten[slot.level.rawValue]
    if !isNew, case .table(let next) = tables.format.decode(entry, at: slot.level) {
      isUnwritten[slot.level.rawValue &- 1] = false
      return .descend(next)
    }
    let target = physical &+ (low &- first)
    guard layout.isPage(slot.level, low, through: high, to: target) else {
      guard slot.level > .pageTable else {
        throw TableEditError(
          .badPhysicalAddress, at: tables.format.geometry.virtual(low), level: slot.level, entry: slot.entryAddress)
      }
      return .descend(try addTable(slot, isWhole: high &- low == spanMask(slot.level)))
    }
    let count = pageCount(slot, low, target, isNew: isNew)
    try fill(count, slot, to: target)
    return .next(count)
  }

  @inlinable mutating func miss(_ slot: TableSlot) throws(TableEditError) { throw failure(slot) }

  @inlinable func spanMask(_ level: TableLevel) -> UInt64 { (1 << tables.format.geometry.shift(of: level)) &- 1 }

  /// Links a new table from a slot.
  @inlinable mutating func addTable(_ slot: TableSlot, isWhole: Bool) throws(TableEditError) -> PhysicalAddress {
    let geometry = tables.format.geometry
    guard let frame = frames.takeFrame(for: slot.level.below) else {
      throw TableEditError(.outOfFrames(needed: 1), at: geometry.virtual(slot.linear), level: slot.level)
    }
    if !isWhole {
      let words = Int(truncatingIfNeeded: geometry.frameSize.value >> 3)
      guard tables.memory.storeEntries(words, first: 0, step: 0, at: frame) else { throw failure(slot) }
    }
    isUnwritten[slot.level.rawValue &- 1] = isWhole
    let link = tables.format.tableEntry(to: frame, at: slot.level, user: user)
    guard tables.memory.store(link, at: slot.entryAddress, shift: geometry.entryShift) else { throw failure(slot) }
    return frame
  }

  /// How many entries from `slot` on are pages of this size: those that the range covers whole, in this table, and, where
  /// it is not new, are absent.
  @inlinable func pageCount(_ slot: TableSlot, _ low: UInt64, _ target: UInt64, isNew: Bool) -> Int {
    let format = tables.format
    let shift = format.geometry.shift(of: slot.level)
    let covered = ((last &- low) &+ 1) >> shift
    // The whole 64-bit space has no length in 64 bits; no mode translates it.
    let reachable = ((format.greatestAddress(at: slot.level) &- target) >> shift) &+ 1
    let inTable = UInt64(truncatingIfNeeded: format.geometry.entryCount(of: slot.level) &- slot.index)
    let most = Int(truncatingIfNeeded: min(covered, reachable, inTable))
    if isNew { return most }
    var count = 1
    while count < most {
      let place = slot.entryAddress.value &+ UInt64(count) << UInt64(format.geometry.entryShift)
      let entry = tables.memory.load(at: PhysicalAddress(unchecked: place), shift: format.geometry.entryShift)
      guard let entry, case .absent = format.decode(entry, at: slot.level) else { return count }
      count &+= 1
    }
    return count
  }

  /// Writes the entries of pages that follow each other, whole groups as groups.
  @inlinable func fill(_ count: Int, _ slot: TableSlot, to target: UInt64) throws(TableEditError) {
    let format = tables.format
    let group = format.contiguousCount(at: slot.level)
    let shift = format.geometry.shift(of: slot.level)
    let groupMask = (UInt64(truncatingIfNeeded: group) << shift) &- 1
    guard group > 1, (slot.linear ^ target) & groupMask == 0 else {
      try fill(count, slot, offset: 0, to: target, inGroups: false)
      return
    }
    let head = min(count, (group &- slot.index & (group &- 1)) & (group &- 1))
    let middle = (count &- head) & ~(group &- 1)
    try fill(head, slot, offset: 0, to: target, inGroups: false)
    try fill(middle, slot, offset: head, to: target, inGroups: true)
    try fill(count &- head &- middle, slot, offset: head &+ middle, to: target, inGroups: false)
  }

  /// Writes `count` entries from the one that is `offset` behind `slot`, as far as addresses count up in one field at a
  /// time.
  @inlinable func fill(
    _ count: Int, _ slot: TableSlot, offset: Int, to target: UInt64, inGroups: Bool
  ) throws(TableEditError) {
    let format = tables.format
    let field = format.addressField(at: slot.level)
    let shift = format.geometry.shift(of: slot.level)
    let isAlike = inGroups && format.groupsAreAlike
    var done = 0
    while done < count {
      let page = target &+ UInt64(truncatingIfNeeded: offset &+ done) << shift
      let plain = format.pageEntry(to: PhysicalAddress(unchecked: page), at: slot.level, as: kind)
      let inField = (field.mask &- plain & field.mask) >> UInt64(field.step.trailingZeroBitCount)
      let most = isAlike ? format.contiguousCount(at: slot.level) : Int(clamping: inField) &+ 1
      let next = min(count &- done, most)
      let entry =
        inGroups ? format.grouping(plain, at: slot.level, isMember: true, index: slot.index &+ offset) : plain
      let place =
        slot.entryAddress.value &+ UInt64(truncatingIfNeeded: offset &+ done) << UInt64(format.geometry.entryShift)
      let written = tables.memory.store(
        next, first: entry, step: isAlike ? 0 : field.step, at: PhysicalAddress(unchecked: place),
        shift: format.geometry.entryShift)
      guard written else { throw failure(slot) }
      done &+= next
    }
  }

  // Called, not inlined: what never happens takes no room where it matters.

  @inlinable @inline(never) func failure(_ slot: TableSlot) -> TableEditError {
    TableEditError(
      .badTable(.outsideMemory), at: tables.format.geometry.virtual(slot.linear), level: slot.level,
      entry: slot.entryAddress)
  }
}
