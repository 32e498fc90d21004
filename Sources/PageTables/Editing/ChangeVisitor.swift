public import Addresses

/// Changes the pages of a range that was checked.
@usableFromInline
struct ChangeVisitor<Format: TableFormat, Memory: WritableTableMemory, Frames: FrameSource>: TableVisitor {
  @usableFromInline let tables: TranslationTables<Format, Memory>
  @usableFromInline let change: PageChange
  @usableFromInline let first: UInt64
  @usableFromInline let last: UInt64
  @usableFromInline var frames: Frames

  @inlinable
  init(
    tables: TranslationTables<Format, Memory>, change: PageChange, first: UInt64, last: UInt64, frames: Frames
  ) {
    self.tables = tables
    self.change = change
    self.first = first
    self.last = last
    self.frames = frames
  }

  @inlinable
  mutating func visit(
    _ entry: UInt64, _ slot: TableSlot, first low: UInt64, last high: UInt64
  ) throws(TableEditError) -> WalkStep {
    switch tables.format.decode(entry, at: slot.level) {
    case .absent, .reserved: return .next(1)
    case .table(let next): return .descend(next)
    case .page:
      let mask = (1 << tables.format.geometry.shift(of: slot.level)) &- 1 as UInt64
      guard high &- low == mask else { return .descend(try split(entry, slot)) }
      let alone = try leaveGroup(entry, slot)
      switch change {
      case .remove: try store(0, slot)
      case .grant(let access): try store(tables.format.granting(access, in: alone, at: slot.level), slot)
      }
      return .next(1)
    }
  }

  @inlinable mutating func miss(_ slot: TableSlot) throws(TableEditError) { throw failure(slot) }

  /// Gives an empty table back.
  @inlinable mutating func leave(_ slot: TableSlot, _ table: PhysicalAddress) throws(TableEditError) {
    guard case .remove = change else { return }
    let words = tables.format.geometry.frameSize.value >> 3
    for index in 0..<words {
      guard let word = tables.memory.loadEntry(at: PhysicalAddress(unchecked: table.value &+ index &* 8)), word == 0
      else { return }
    }
    try store(0, slot)
    frames.returnFrame(table, from: slot.level.below)
  }

  /// Replaces a page by a table of smaller ones that map the same.
  @inlinable mutating func split(_ entry: UInt64, _ slot: TableSlot) throws(TableEditError) -> PhysicalAddress {
    let format = tables.format
    let alone = try leaveGroup(entry, slot)
    let below = slot.level.below
    guard let child = format.splitting(alone, at: slot.level), let frame = frames.takeFrame(for: below) else {
      throw TableEditError(
        .outOfFrames(needed: 1), at: format.geometry.virtual(slot.linear), level: slot.level,
        entry: slot.entryAddress)
    }
    let written = tables.memory.store(
      format.geometry.entryCount(of: below), first: child, step: format.addressField(at: below).step, at: frame,
      shift: format.geometry.entryShift)
    guard written else { throw failure(slot) }
    let isUser = !format.restrictions(of: entry, at: slot.level).contains(.noUser)
    try store(format.tableEntry(to: frame, at: slot.level, user: isUser), slot)
    return frame
  }

  /// Dissolves the group of an entry, unless the range holds all of it; returns the entry as it is then.
  @inlinable func leaveGroup(_ entry: UInt64, _ slot: TableSlot) throws(TableEditError) -> UInt64 {
    let format = tables.format
    guard format.attributes(of: entry, at: slot.level).isContiguous else { return entry }
    let count = format.contiguousCount(at: slot.level)
    let shift = format.geometry.shift(of: slot.level)
    let span = (UInt64(truncatingIfNeeded: count) << shift) &- 1
    let start = slot.linear & ~span
    guard count > 1, start < first || start | span > last else { return entry }
    let place = slot.index & (count &- 1)
    let entryShift = UInt64(format.geometry.entryShift)
    let group = slot.entryAddress.value &- UInt64(truncatingIfNeeded: place) << entryShift
    for index in 0..<count {
      let address = PhysicalAddress(unchecked: group &+ UInt64(truncatingIfNeeded: index) << entryShift)
      guard let member = tables.memory.load(at: address, shift: format.geometry.entryShift) else {
        throw failure(slot)
      }
      guard case .page = format.decode(member, at: slot.level) else { continue }
      let alone = format.grouping(member, at: slot.level, isMember: false, index: index)
      guard tables.memory.store(alone, at: address, shift: format.geometry.entryShift) else { throw failure(slot) }
    }
    return format.grouping(entry, at: slot.level, isMember: false, index: place)
  }

  @inlinable func store(_ entry: UInt64, _ slot: TableSlot) throws(TableEditError) {
    guard tables.memory.store(entry, at: slot.entryAddress, shift: tables.format.geometry.entryShift) else {
      throw failure(slot)
    }
  }

  @inlinable func failure(_ slot: TableSlot) -> TableEditError {
    TableEditError(
      .badTable(.outsideMemory), at: tables.format.geometry.virtual(slot.linear), level: slot.level,
      entry: slot.entryAddress)
  }
}
