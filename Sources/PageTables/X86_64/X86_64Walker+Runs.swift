import AddressSpace
import Addresses

extension X86_64Walker {
  /// Visits all that is mapped, as maximal runs in ascending order of virtual address.
  ///
  /// - Parameters:
  ///   - tableLimit: how many tables are visited at most. Tables that point to themselves or to each other describe up
  ///     to 512⁴ translations; the limit ends the visit, and the report says where. The default is enough for 64 GiB in
  ///     4 KiB pages and takes well under a second.
  public func forEachRun(tableLimit: Int = 1 << 17, _ body: (TranslationRun) -> Void) -> WalkReport {
    var visit = Visit(tableLimit: tableLimit)
    self.visit(root, at: mode.rootLevel, from: 0, rights: .all, &visit, body)
    if let run = visit.run { body(run) }
    return visit.report
  }

  /// All runs at once. Where there may be many, ``forEachRun(tableLimit:_:)`` keeps none.
  public func runs(tableLimit: Int = 1 << 17) -> (runs: [TranslationRun], report: WalkReport) {
    var runs: [TranslationRun] = []
    let report = forEachRun(tableLimit: tableLimit) { runs.append($0) }
    return (runs, report)
  }

  /// What a visit carries along.
  private struct Visit {
    let tableLimit: Int
    /// The run that may still grow.
    var run: TranslationRun?
    var report = WalkReport()
  }

  /// Visits one table. The depth of recursion is the number of levels.
  private func visit(
    _ table: PhysicalAddress, at level: TableLevel, from start: UInt64, rights: EffectiveRights,
    _ visit: inout Visit, _ body: (TranslationRun) -> Void
  ) {
    guard enter(table, at: level, from: start, &visit) else { return }
    for index in 0..<TableFrame.entryCount where visit.report.isComplete {
      let address = virtualAddress(start, index, level)
      do throws(WalkFault) {
        let (entry, target) = try entry(index, of: table, at: level, for: address)
        let narrowed = rights.narrowed(by: entry)
        switch target {
        case .table(let next):
          self.visit(next, at: level.below, from: address.value, rights: narrowed, &visit, body)
        case .page(let page, let size):
          let leaf = TranslationRun(
            virtual: VirtualRange(uncheckedStart: address, count: size.byteCount), physical: page, pageSize: size,
            rights: narrowed, memoryType: entry.memoryType(of: size))
          append(leaf, &visit, body)
        }
      } catch {
        guard error.reason != .notPresent else { continue }
        visit.report.note(error)
        // A table outside memory has one problem, not 512.
        guard error.reason != .outsideMemory else { return }
      }
    }
  }

  /// Counts a table, or ends the visit where the limit is reached.
  private func enter(_ table: PhysicalAddress, at level: TableLevel, from start: UInt64, _ visit: inout Visit) -> Bool {
    guard visit.report.visitedTables < visit.tableLimit else {
      visit.report.isComplete = false
      visit.report.note(
        WalkFault(
          reason: .tableLimit, level: level, virtual: VirtualAddress(unchecked: start), entryAddress: table, value: 0))
      return false
    }
    visit.report.visitedTables += 1
    return true
  }

  private func append(_ leaf: TranslationRun, _ visit: inout Visit, _ body: (TranslationRun) -> Void) {
    guard let run = visit.run else {
      visit.run = leaf
      return
    }
    var longer = run
    if longer.extend(by: leaf) {
      visit.run = longer
    } else {
      body(run)
      visit.run = leaf
    }
  }

  /// The first address that an entry translates; the upper half of the root's entries is sign-extended.
  private func virtualAddress(_ start: UInt64, _ index: Int, _ level: TableLevel) -> VirtualAddress {
    let unextended = start | UInt64(truncatingIfNeeded: index) << level.entryShift
    guard level == mode.rootLevel else { return VirtualAddress(unchecked: unextended) }
    let shift = 64 - UInt64(mode.virtualBits)
    return VirtualAddress(unchecked: UInt64(bitPattern: Int64(bitPattern: unextended << shift) >> shift))
  }
}
