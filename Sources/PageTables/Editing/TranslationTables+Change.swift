public import Addresses

extension TranslationTables where Memory: WritableTableMemory {
  /// Takes away what is mapped in a range, and the tables that are left empty. A page that reaches beyond the range is
  /// split, and so is a contiguous group.
  ///
  /// Memory is all that changes. On a live address space the caller invalidates the range afterwards; Arm wants the old
  /// entry gone and invalidated before a split is seen (break-before-make, Arm ARM, D8.14.1).
  ///
  /// - Parameter frames: gives a frame for each page that is split, and gets those of empty tables.
  /// - Throws: before anything was changed.
  @inlinable public func unmap<Frames: FrameSource>(
    _ range: VirtualRange, frames: inout Frames, tableLimit: Int = VisitSummary.tableLimit << 4
  ) throws(TableEditError) {
    try change(range, .remove, frames: &frames, tableLimit: tableLimit)
  }

  /// Gives all pages of a range another access; what else they say stays. A page that reaches beyond the range is split,
  /// and so is a contiguous group.
  ///
  /// - Parameter frames: gives a frame for each page that is split.
  /// - Throws: before anything was changed; ``TableEditError/Reason/notMapped`` where the range has a hole.
  @inlinable public func protect<Frames: FrameSource>(
    _ range: VirtualRange, as access: Access, frames: inout Frames,
    tableLimit: Int = VisitSummary.tableLimit << 4
  ) throws(TableEditError) {
    try change(range, .grant(access), frames: &frames, tableLimit: tableLimit)
  }

  @inlinable func change<Frames: FrameSource>(
    _ range: VirtualRange, _ change: PageChange, frames: inout Frames, tableLimit: Int
  ) throws(TableEditError) {
    let (first, last) = try bounds(of: range)
    var check = ChangeCheck(format: format, change: change, tablesLeft: tableLimit)
    try walk(from: first, through: last, &check)
    guard frames.hasFrames(check.needed) else {
      throw TableEditError(
        .outOfFrames(needed: check.needed), at: range.start, level: format.geometry.rootLevel)
    }
    var visitor = ChangeVisitor(tables: self, change: change, first: first, last: last, frames: frames)
    defer { frames = visitor.frames }
    try walk(from: first, through: last, &visitor)
  }
}

/// What happens to every page of a range.
@usableFromInline enum PageChange {
  case remove
  case grant(Access)
}

/// Looks whether a range can be changed, and counts the frames that splitting takes.
@usableFromInline struct ChangeCheck<Format: TableFormat>: TableVisitor {
  @usableFromInline let format: Format
  @usableFromInline let change: PageChange
  @usableFromInline var tablesLeft: Int
  @usableFromInline var needed = 0
  @usableFromInline var taken: InlineArray<6, Restrictions> = .init(repeating: [])

  @inlinable init(format: Format, change: PageChange, tablesLeft: Int) {
    self.format = format
    self.change = change
    self.tablesLeft = tablesLeft
  }

  @inlinable
  mutating func visit(
    _ entry: UInt64, _ slot: TableSlot, first: UInt64, last: UInt64
  ) throws(TableEditError) -> WalkStep {
    switch format.decode(entry, at: slot.level) {
    case .absent:
      if case .grant = change { throw refusal(.notMapped, slot, first) }
      return .next(1)
    case .reserved(let bits): throw refusal(.badTable(.reservedBits(bits)), slot, first)
    case .page:
      try checkRestrictions(entry, slot, first)
      try countSplits(entry, slot, first, last)
      return .next(1)
    case .table(let next):
      tablesLeft &-= 1
      guard tablesLeft >= 0 else { throw refusal(.tooManyTables, slot, first) }
      taken[slot.level.rawValue &- 1] =
        taken[slot.level.rawValue].union(format.restrictions(of: entry, at: slot.level))
      return .descend(next)
    }
  }

  @inlinable mutating func miss(_ slot: TableSlot) throws(TableEditError) {
    throw refusal(.badTable(.outsideMemory), slot, slot.linear)
  }

  @inlinable func checkRestrictions(
    _ entry: UInt64, _ slot: TableSlot, _ first: UInt64
  ) throws(TableEditError) {
    guard case .grant(let access) = change else { return }
    let isUser = format.rights(of: entry, at: slot.level, under: []).isUser
    let missing = taken[slot.level.rawValue].intersection(access.needs(user: isUser)).subtracting(.noUser)
    guard missing.isEmpty else { throw refusal(.restricted(missing), slot, first) }
  }

  @inlinable mutating func countSplits(
    _ entry: UInt64, _ slot: TableSlot, _ first: UInt64, _ last: UInt64
  ) throws(TableEditError) {
    let mask = (1 << format.geometry.shift(of: slot.level)) &- 1 as UInt64
    guard last &- first != mask else { return }
    guard format.splitting(entry, at: slot.level) != nil else { throw refusal(.cannotSplit, slot, first) }
    // Splitting an aligned page is like mapping what is inside the range to a place that allows all sizes.
    let layout = PageLayout(format: format, largest: .largest)
    needed &+= layout.tables(under: slot.level, first, through: last, to: first & mask)
  }

  @inlinable func refusal(_ reason: TableEditError.Reason, _ slot: TableSlot, _ first: UInt64) -> TableEditError {
    TableEditError(reason, at: format.geometry.virtual(first), level: slot.level, entry: slot.entryAddress)
  }
}
