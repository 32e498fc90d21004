public import Addresses

/// What takes the runs of a visit.
public protocol RunConsumer {
  /// Gets the next run, in ascending order of virtual address.
  mutating func consume(_ run: TranslationRun)
  /// Gets an entry that cannot be followed, or that leads to a table on the way to itself.
  mutating func consume(_ problem: WalkFault)
}

extension TranslationTables {
  /// Visits all that is mapped, as maximal runs. Allocates nothing.
  ///
  /// - Parameter tableLimit: how many tables are entered at most. Tables that point to themselves or to each other
  ///   describe up to 512⁴ translations; the limit ends the visit, and the last problem says where.
  @inlinable public func visit<Consumer: RunConsumer>(
    tableLimit: Int = VisitSummary.tableLimit, _ consumer: inout Consumer
  ) -> VisitSummary {
    var visitor = RunVisitor(format: format, root: root, tableLimit: tableLimit, consumer: consumer)
    visitor.begin()
    if visitor.summary.isComplete { walk(from: 0, through: format.geometry.linear(.max), &visitor) }
    visitor.finishRun()
    consumer = visitor.consumer
    return visitor.summary
  }

  /// Visits all that is mapped and keeps the first problems.
  @inlinable public func forEachRun(
    tableLimit: Int = VisitSummary.tableLimit, _ body: (TranslationRun) -> Void
  ) -> WalkReport {
    withoutActuallyEscaping(body) { body in
      var consumer = ClosureConsumer(body: body)
      consumer.report.summary = visit(tableLimit: tableLimit, &consumer)
      return consumer.report
    }
  }

  /// All runs at once. Where there may be many, ``visit(tableLimit:_:)`` keeps none.
  @inlinable public func runs(tableLimit: Int = VisitSummary.tableLimit) -> (runs: [TranslationRun], report: WalkReport)
  {
    var runs: [TranslationRun] = []
    let report = forEachRun(tableLimit: tableLimit) { runs.append($0) }
    return (runs, report)
  }
}

@usableFromInline struct ClosureConsumer: RunConsumer {
  @usableFromInline let body: (TranslationRun) -> Void
  @usableFromInline var report = WalkReport()

  @inlinable init(body: @escaping (TranslationRun) -> Void) { self.body = body }

  @inlinable mutating func consume(_ run: TranslationRun) { body(run) }

  @usableFromInline mutating func consume(_ problem: WalkFault) {
    if report.problems.count < WalkReport.problemLimit {
      report.problems.append(problem)
    } else if problem.reason == .tableLimit {
      // Where the visit ended is worth more than one problem among many.
      report.problems[report.problems.count - 1] = problem
    }
  }
}

/// Joins leaves to runs.
@usableFromInline struct RunVisitor<Format: TableFormat, Consumer: RunConsumer>: TableVisitor {
  @usableFromInline let format: Format
  @usableFromInline let tableLimit: Int
  @usableFromInline var consumer: Consumer
  @usableFromInline var summary = VisitSummary()

  /// The tables on the way, and what they have taken away, by level.
  @usableFromInline var path: InlineArray<6, UInt64>
  @usableFromInline var taken: InlineArray<6, Restrictions>

  /// The run that may still grow, as translated bits.
  @usableFromInline var runStart: UInt64 = 0
  @usableFromInline var runCount: UInt64 = 0
  @usableFromInline var physical: UInt64 = 0
  @usableFromInline var pageSize: PageSize
  @usableFromInline var rights: EffectiveRights = []
  @usableFromInline var attributes = PageAttributes(rawValue: 0)

  /// The leaf that the run ended with: a neighbour in the same table that differs from it in nothing but one step of its
  /// address needs no decoding.
  @usableFromInline var lastLeaf: UInt64 = 0
  @usableFromInline var lastPlace: UInt64 = 0

  @inlinable init(format: Format, root: PhysicalAddress, tableLimit: Int, consumer: Consumer) {
    self.format = format
    self.tableLimit = tableLimit
    self.consumer = consumer
    path = InlineArray(repeating: root.value)
    taken = InlineArray(repeating: [])
    pageSize = format.geometry.pageSize(of: .pageTable)
  }

  /// Enters the root.
  @inlinable mutating func begin() {
    let root = TableSlot(
      level: format.geometry.rootLevel, entryAddress: PhysicalAddress(unchecked: path[0]), index: 0, linear: 0)
    _ = countTable(root)
  }

  @inlinable mutating func visit(_ entry: UInt64, _ slot: TableSlot, first: UInt64, last: UInt64) -> WalkStep {
    if entry == 0 { return .next(1) }
    if continuesRun(entry, slot) { return .next(1) }
    switch format.decode(entry, at: slot.level) {
    case .absent: break
    case .page(let page, let size): append(entry, page, size, slot)
    case .table(let next): return enter(next, entry, slot)
    case .reserved(let bits): note(.reservedBits(bits), slot, entry)
    }
    return .next(1)
  }

  @inlinable mutating func miss(_ slot: TableSlot) { note(.outsideMemory, slot, 0) }

  /// The short way for the next entry of a table that goes on like the one before.
  @inlinable mutating func continuesRun(_ entry: UInt64, _ slot: TableSlot) -> Bool {
    guard slot.entryAddress.value == lastPlace, slot.index != 0 else { return false }
    let field = format.addressField(at: slot.level)
    let difference = (entry ^ lastLeaf) & ~(field.mask | format.insignificantBits(at: slot.level))
    guard difference == 0, entry & field.mask == (lastLeaf & field.mask) &+ field.step else { return false }
    runCount &+= 1 << format.geometry.shift(of: slot.level)
    lastLeaf = entry
    lastPlace = slot.entryAddress.value &+ 1 << UInt64(format.geometry.entryShift)
    return true
  }

  @inlinable mutating func append(_ entry: UInt64, _ page: PhysicalAddress, _ size: PageSize, _ slot: TableSlot) {
    let span = 1 << format.geometry.shift(of: slot.level) as UInt64
    // The page of a group is larger than what one entry translates.
    let physical = page.value | (slot.linear & size.alignment.mask)
    let rights = format.rights(of: entry, at: slot.level, under: taken[slot.level.rawValue])
    let attributes = format.attributes(of: entry, at: slot.level)
    let virtual = format.geometry.virtual(slot.linear).value
    if runCount > 0, format.geometry.virtual(runStart).value &+ runCount == virtual,
      self.physical &+ runCount == physical, size == pageSize, rights == self.rights, attributes == self.attributes
    {
      runCount &+= span
    } else {
      finishRun()
      runStart = slot.linear
      runCount = span
      self.physical = physical
      pageSize = size
      self.rights = rights
      self.attributes = attributes
    }
    lastLeaf = entry
    // Members of a group do not count up one by one.
    lastPlace =
      size.alignment.value == span ? slot.entryAddress.value &+ 1 << UInt64(format.geometry.entryShift) : 0
  }

  @inlinable mutating func finishRun() {
    guard runCount > 0 else { return }
    consumer.consume(
      TranslationRun(
        virtual: VirtualRange(uncheckedStart: format.geometry.virtual(runStart), count: ByteCount(runCount)),
        physical: PhysicalAddress(unchecked: physical), pageSize: pageSize, rights: rights, attributes: attributes))
    runCount = 0
  }

  @inlinable mutating func enter(_ next: PhysicalAddress, _ entry: UInt64, _ slot: TableSlot) -> WalkStep {
    let level = slot.level.rawValue
    for above in level...Int(format.geometry.levels) where path[above] == next.value {
      note(.recursion(TableLevel(rawValue: above)), slot, entry)
      break
    }
    guard countTable(slot, entry) else { return .stop }
    path[level - 1] = next.value
    taken[level - 1] = taken[level].union(format.restrictions(of: entry, at: slot.level))
    return .descend(next)
  }

  /// Counts a table, or ends the visit where the limit is reached.
  @inlinable mutating func countTable(_ slot: TableSlot, _ entry: UInt64 = 0) -> Bool {
    guard summary.visitedTables < tableLimit else {
      summary.isComplete = false
      note(.tableLimit, slot, entry)
      return false
    }
    summary.visitedTables += 1
    return true
  }

  @inlinable mutating func note(_ reason: WalkFault.Reason, _ slot: TableSlot, _ entry: UInt64) {
    summary.problemCount += 1
    consumer.consume(
      WalkFault(
        reason: reason, level: slot.level, virtual: format.geometry.virtual(slot.linear),
        entryAddress: slot.entryAddress, value: entry))
  }
}
