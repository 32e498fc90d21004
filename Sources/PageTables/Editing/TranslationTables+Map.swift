public import Addresses

extension TranslationTables where Memory: WritableTableMemory {
  /// Maps a range with the largest pages that fit, as members of contiguous groups where whole groups fit.
  ///
  /// The change is checked first: it happens as a whole or not at all. Nothing was mapped there before, so that no
  /// processor needs to be told; Arm and RISC-V want a barrier before the first use (Arm ARM, D8.14; `sfence.vma`).
  ///
  /// - Parameters:
  ///   - physical: the physical address behind `range.start`.
  ///   - largest: no page larger than this is used.
  ///   - frames: gives exactly ``framesNeeded(_:to:as:largest:tableLimit:)`` frames.
  ///   - tableLimit: how many existing tables are entered at most.
  @inlinable public func map<Frames: FrameSource>(
    _ range: VirtualRange, to physical: PhysicalAddress, as kind: PageKind, largest: PageSize = .largest,
    frames: inout Frames, tableLimit: Int = VisitSummary.tableLimit << 4
  ) throws(TableEditError) {
    let needed = try framesNeeded(range, to: physical, as: kind, largest: largest, tableLimit: tableLimit)
    guard frames.hasFrames(needed) else {
      throw TableEditError(
        .outOfFrames(needed: needed), at: range.start, level: format.geometry.rootLevel)
    }
    try mapChecked(range, to: physical, as: kind, largest: largest, user: kind.isUser, frames: &frames)
  }

  /// The mapping without the check, for who knows that nothing is mapped there. Where frames run out, part of it is done.
  ///
  /// - Parameter user: new table entries let users through.
  @inlinable public func mapChecked<Frames: FrameSource>(
    _ range: VirtualRange, to physical: PhysicalAddress, as kind: PageKind, largest: PageSize, user: Bool,
    frames: inout Frames
  ) throws(TableEditError) {
    let (first, last) = try bounds(of: range)
    var visitor = MapVisitor(
      tables: self, first: first, last: last, physical: physical.value, kind: kind,
      layout: PageLayout(format: format, largest: largest), user: user, frames: frames)
    defer { frames = visitor.frames }
    try walk(from: first, through: last, &visitor)
  }

  /// How many frames ``map(_:to:as:largest:frames:tableLimit:)`` would take for this range.
  @inlinable public func framesNeeded(
    _ range: VirtualRange, to physical: PhysicalAddress, as kind: PageKind, largest: PageSize = .largest,
    tableLimit: Int = VisitSummary.tableLimit << 4
  ) throws(TableEditError) -> Int {
    let (first, last) = try bounds(of: range)
    let reach = format.greatestAddress(at: .pageTable)
    let mask = format.geometry.frameSize.value &- 1
    let (end, overflow) = physical.value.addingReportingOverflow(last &- first)
    guard physical.value & mask == 0, !overflow, end <= max(reach, largeReach(range, physical, largest)) else {
      throw TableEditError(.badPhysicalAddress, at: range.start, level: .pageTable)
    }
    var visitor = MapCheck(
      format: format, first: first, physical: physical.value, kind: kind,
      layout: PageLayout(format: format, largest: largest), tablesLeft: tableLimit)
    try walk(from: first, through: last, &visitor)
    return visitor.needed
  }

  /// How far pages above the smallest reach, where the range is made of them alone: i386 with PSE-36.
  @inlinable func largeReach(_ range: VirtualRange, _ physical: PhysicalAddress, _ largest: PageSize) -> UInt64 {
    let level = TableLevel.pageDirectory
    let size = format.geometry.pageSize(of: level)
    let places = range.start.value | range.count.value | physical.value
    guard size <= largest, format.allowsPages(at: level), places & size.alignment.mask == 0 else { return 0 }
    return format.greatestAddress(at: level)
  }
}

extension TranslationTables {
  /// The translated bits of the first and the last address of a range that is made of whole pages.
  @inlinable func bounds(of range: VirtualRange) throws(TableEditError) -> (first: UInt64, last: UInt64) {
    let geometry = format.geometry
    let mask = geometry.frameSize.value &- 1
    guard let end = range.last, (range.start.value | range.count.value) & mask == 0, geometry.covers(range.start),
      geometry.covers(end), range.start.value >> 63 == end.value >> 63
    else { throw TableEditError(.badRange, at: range.start, level: geometry.rootLevel) }
    return (geometry.linear(range.start.value), geometry.linear(end.value))
  }
}

/// Looks whether a range can be mapped, and counts the frames that it takes.
@usableFromInline struct MapCheck<Format: TableFormat>: TableVisitor {
  @usableFromInline let format: Format
  @usableFromInline let first: UInt64
  @usableFromInline let physical: UInt64
  @usableFromInline let kind: PageKind
  @usableFromInline let layout: PageLayout<Format>
  @usableFromInline var tablesLeft: Int
  @usableFromInline var needed = 0

  @inlinable
  init(
    format: Format, first: UInt64, physical: UInt64, kind: PageKind, layout: PageLayout<Format>, tablesLeft: Int
  ) {
    self.format = format
    self.first = first
    self.physical = physical
    self.kind = kind
    self.layout = layout
    self.tablesLeft = tablesLeft
  }

  @inlinable
  mutating func visit(
    _ entry: UInt64, _ slot: TableSlot, first low: UInt64, last high: UInt64
  ) throws(TableEditError) -> WalkStep {
    let virtual = format.geometry.virtual(low)
    switch format.decode(entry, at: slot.level) {
    case .absent:
      needed &+= layout.tables(under: slot.level, low, through: high, to: physical &+ (low &- first))
      return .next(1)
    case .page: throw TableEditError(.alreadyMapped, at: virtual, level: slot.level, entry: slot.entryAddress)
    case .reserved(let bits):
      throw TableEditError(
        .badTable(.reservedBits(bits)), at: virtual, level: slot.level, entry: slot.entryAddress)
    case .table(let next):
      let taken = format.restrictions(of: entry, at: slot.level).intersection(kind.access.needs(user: kind.isUser))
      guard taken.isEmpty else {
        throw TableEditError(.restricted(taken), at: virtual, level: slot.level, entry: slot.entryAddress)
      }
      tablesLeft &-= 1
      guard tablesLeft >= 0 else {
        throw TableEditError(.tooManyTables, at: virtual, level: slot.level, entry: slot.entryAddress)
      }
      return .descend(next)
    }
  }

  @inlinable mutating func miss(_ slot: TableSlot) throws(TableEditError) {
    throw TableEditError(
      .badTable(.outsideMemory), at: format.geometry.virtual(slot.linear), level: slot.level,
      entry: slot.entryAddress)
  }
}

extension Access {
  /// What no table above may take away from a page with this access.
  @inlinable func needs(user: Bool) -> Restrictions {
    var needs: Restrictions = user ? .noUser : []
    if isWritable { needs.formUnion(.noWrite) }
    if isExecutable { needs.formUnion(user ? .noUserExecute : .noSupervisorExecute) }
    return needs
  }
}
