import Addresses
import PageTables
import TestSupport
import Testing

/// Tables that no kernel would build: every visit ends after a bounded number of tables.
@Suite struct NonsenseTests {
  private func tables(
    entries: [(offset: Int, value: UInt64)], frames: Int
  ) -> TranslationTables<X86_64Format, BytesTableMemory> {
    TranslationTables(
      format: X86_64Format(), memory: memory(entries, count: frames * 4096), root: PhysicalAddress(0))
  }

  /// A recursive slot: entry 510 of the root points to the root, so that the tables appear as pages.
  @Test func recursiveSlot() {
    let tables = tables(entries: [(510 * 8, 0x3)], frames: 1)
    let (runs, report) = tables.runs()
    // The root is entered once at each level: 510/510/510/510 is its one leaf, 0xffffff7fbfdfe000.
    #expect(report.summary.visitedTables == 4 && report.summary.isComplete)
    #expect(runs.map(\.virtual.start.value) == [0xffff_ff7f_bfdf_e000])
    #expect(runs.map(\.physical.value) == [0])
    // At each of the upper levels the entry leads to the table that it stands in.
    #expect(
      report.problems.map(\.reason) == [
        .recursion(.pml4), .recursion(.pageDirectoryPointer), .recursion(.pageDirectory),
      ])
    // 510 << 39, | 510 << 30, | 510 << 21.
    #expect(
      report.problems.map(\.virtual.value) == [0xffff_ff00_0000_0000, 0xffff_ff7f_8000_0000, 0xffff_ff7f_bfc0_0000])
    #expect(report.problems.allSatisfy { $0.entryAddress.value == 510 * 8 && $0.value == 3 })
  }

  @Test func fullCycleEndsAtTheLimit() {
    let tables = tables(entries: (0..<512).map { ($0 * 8, 0x3) }, frames: 1)
    var seen = Counter()
    let summary = tables.visit(tableLimit: 1000, &seen)
    #expect(summary.visitedTables == 1000)
    #expect(!summary.isComplete)
    #expect(seen.lastProblem?.reason == .tableLimit)
    // Root, PDPT, PD, 512 PTs, the second PD, 484 PTs: 1000 tables. Each PT shows the same frame 512 times, 512 runs.
    #expect(seen.runs == (512 + 484) * 512)
    #expect(seen.lastProblem?.virtual.value == UInt64(512 + 484) << 21)
    // Every table but the first is the root again, and so is the one that is not entered; the limit itself is one more.
    #expect(summary.problemCount == 999 + 1 + 1)
  }

  private struct Counter: RunConsumer {
    var runs = 0
    var lastProblem: WalkFault?

    mutating func consume(_ run: TranslationRun) { runs += 1 }
    mutating func consume(_ problem: WalkFault) { lastProblem = problem }
  }

  @Test func limitOfZero() {
    let report = tables(entries: [(0, 0x3)], frames: 1).forEachRun(tableLimit: 0) { _ in }
    #expect(report.summary.visitedTables == 0 && !report.summary.isComplete)
  }

  @Test func tablesOutsideMemoryAreOneProblemEach() {
    let tables = tables(entries: [(0, 0x5_0003), (8, 0x9_0003)], frames: 1)
    let report = tables.forEachRun { _ in Issue.record("nothing is mapped") }
    #expect(report.summary.problemCount == 2)
    #expect(report.problems.map(\.reason) == [.outsideMemory, .outsideMemory])
    #expect(report.problems.map(\.virtual.value) == [0, 1 << 39])
    #expect(report.problems.map(\.entryAddress.value) == [0x5_0000, 0x9_0000])
    #expect(report.problems.map(\.level) == [.pageDirectoryPointer, .pageDirectoryPointer])
  }

  @Test func rootOutsideMemory() {
    let memory = BytesTableMemory(base: PhysicalAddress(0x1000), bytes: [1, 2, 3])
    let tables = TranslationTables(format: X86_64Format(), memory: memory, root: PhysicalAddress(0x1000))
    #expect(tables.forEachRun { _ in }.summary.problemCount == 1)
    guard case .fault(let fault) = tables.resolve(VirtualAddress(0)) else {
      Issue.record("mapped")
      return
    }
    #expect(fault.reason == .outsideMemory)
  }

  @Test func reservedBitsAreProblems() {
    // PS in a PML4 entry.
    let report = tables(entries: [(16, 0x83)], frames: 1).forEachRun { _ in }
    #expect(report.problems.map(\.reason) == [.reservedBits(0x80)])
    #expect(report.problems.map(\.value) == [0x83])
    #expect(report.problems.map(\.entryAddress.value) == [16])
    #expect(report.problems.map(\.virtual.value) == [2 << 39])
  }

  @Test(arguments: 0..<12)
  func randomBytes(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    // Addresses are cut to the memory, so that most present entries lead on.
    let frames = 16
    let entries = (0..<frames * 512).map { index in
      (offset: index * 8, value: generator.next() & 0x8000_0000_0000_ffff)
    }
    let tables = tables(entries: entries, frames: frames)
    var previous: TranslationRun?
    let report = tables.forEachRun(tableLimit: 150) { run in
      if let previous, previous.virtual.last! >= run.virtual.start { Issue.record("\(run) is not above \(previous)") }
      previous = run
    }
    #expect(report.summary.visitedTables <= 150)
    #expect(report.problems.count <= WalkReport.problemLimit)
    #expect(report.summary.problemCount >= report.problems.count)
    for _ in 0..<500 {
      let address = VirtualAddress(UInt64(bitPattern: Int64(bitPattern: generator.next()) >> 16))
      if tables.translate(address).steps.isEmpty { Issue.record("the root is memory") }
    }
  }
}
