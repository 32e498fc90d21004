import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// What holds for changes of tables in place, in every mode.
@Suite struct EditPropertyTests {
  /// The intents mapped one by one in any order are the tables that are built at once: the same runs, the same number of
  /// tables, and each step takes the frames that it said.
  @Test(arguments: PagingMode.all)
  func mappingOneByOneIsBuilding(mode: PagingMode) {
    let draw: (inout SeededGenerator) -> TableCase = { .draw(mode, mixesUsers: false, &$0) }
    expectNone(counterexample(seeds: 400..<406, from: draw, problem: problem(mapsLikeAnImage)))
  }

  private func mapsLikeAnImage(_ example: TableCase) throws -> String? {
    let image = PageTableImage(building: example.space, at: PhysicalAddress(0x100_0000))
    let bench = Workbench(example.mode, frames: image.budget.frames)
    for intent in example.intents {
      let used = bench.frames.usedFrames
      let needed = try bench.tables.framesNeeded(
        intent.virtual, to: intent.physical, as: intent.kind, largest: intent.largestPage)
      try bench.map([intent])
      guard bench.frames.usedFrames == used + needed else {
        return "needed \(needed) frames, took \(bench.frames.usedFrames - used)"
      }
    }
    guard bench.frames.usedFrames == image.budget.frames else { return "\(bench.frames.usedFrames) frames" }
    let runs = bench.tables.runs()
    guard runs.report.problems.isEmpty else { return "\(runs.report)" }
    return runs.runs == image.tables(example.mode).runs().runs ? nil : "\(runs.runs)"
  }

  /// Unmapping all intents leaves an empty root and no frame in use.
  @Test(arguments: PagingMode.all)
  func mapThenUnmapLeavesNothing(mode: PagingMode) {
    let draw: (inout SeededGenerator) -> TableCase = { .draw(mode, mixesUsers: false, &$0) }
    let found = counterexample(
      seeds: 500..<506, from: draw,
      problem: problem { example in
        let bench = try Workbench(example, spare: 0)
        for intent in example.intents.reversed() { try bench.tables.unmap(intent.virtual, frames: &bench.frames) }
        guard bench.frames.usedFrames == 1 else { return "\(bench.frames.usedFrames) frames are in use" }
        return bench.rootIsEmpty ? nil : "the root is not empty"
      })
    expectNone(found)
  }

  /// Unmapping a range, holes and all, takes exactly that, splits what reaches beyond it and gives empty tables back.
  @Test(arguments: PagingMode.all)
  func unmapTakesExactlyTheRange(mode: PagingMode) {
    let draw: (inout SeededGenerator) -> ChangeCase = { .draw(mode, isInside: false, &$0) }
    let found = counterexample(
      seeds: 600..<606, from: draw,
      problem: problem { example in
        let bench = try Workbench(example.table, spare: 8)
        let before = bench.pages
        try bench.tables.unmap(example.range, frames: &bench.frames)
        let expected = mode.naiveChange(before, in: example.range) { _ in nil }
        if let wrong = difference(bench.pages, expected) { return wrong }
        let tables = bench.tables.runs().report.summary.visitedTables
        guard tables == bench.frames.usedFrames else { return "\(tables) tables, \(bench.frames.usedFrames) frames" }
        let blocks = mode.tableSpans.map { span in
          Set(expected.lazy.filter { $0.bytes < span }.map { $0.virtual / span }).count
        }
        return tables == 1 + blocks.reduce(0, +) ? nil : "\(tables) tables, not 1 + \(blocks)"
      })
    expectNone(found)
  }

  /// Protecting a range changes the rights in it and nothing else.
  @Test(arguments: PagingMode.all)
  func protectChangesExactlyTheRange(mode: PagingMode) {
    let draw: (inout SeededGenerator) -> ChangeCase = { .draw(mode, isInside: true, &$0) }
    let found = counterexample(
      seeds: 700..<706, from: draw,
      problem: problem { example in
        let bench = try Workbench(example.table, spare: 8)
        let before = bench.pages
        let isUser = before.contains { $0.rights.isUser }
        guard example.table.intents.contains(where: { $0.virtual.contains(example.range) }) else { return nil }
        try bench.tables.protect(example.range, as: example.access, frames: &bench.frames)
        let expected = mode.naiveChange(before, in: example.range) { page in
          var page = page
          page.rights = mode.rights(example.access, isUser: isUser)
          return page
        }
        return difference(bench.pages, expected)
      })
    expectNone(found)
  }

  private func expectNone(_ found: Counterexample?) {
    if let found { Issue.record("\(found)") }
  }
}

/// A property that may throw, where throwing breaks it.
func problem<Case>(_ body: @escaping (Case) throws -> String?) -> (Case) -> String? {
  { example in
    do { return try body(example) } catch { return "\(error)" }
  }
}
