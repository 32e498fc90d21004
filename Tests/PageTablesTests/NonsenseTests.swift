import Addresses
import PageTables
import Testing

/// Tables that no kernel would build: every visit ends after a bounded number of tables.
@Suite struct NonsenseTests {
  private func walker(entries: [(offset: Int, value: UInt64)], frames: Int) -> X86_64Walker<BytesTableMemory> {
    var bytes = [UInt8](repeating: 0, count: frames * 4096)
    for entry in entries {
      for byte in 0..<8 {
        bytes[entry.offset + byte] = UInt8(truncatingIfNeeded: entry.value >> (8 * UInt64(byte)))
      }
    }
    return X86_64Walker(memory: BytesTableMemory(base: PhysicalAddress(0), bytes: bytes), root: PhysicalAddress(0))
  }

  /// A recursive slot: entry 510 of the root points to the root, so that the tables appear as pages.
  @Test func recursiveSlot() {
    let walker = walker(entries: [(510 * 8, 0x3)], frames: 1)
    let (runs, report) = walker.runs()
    // The root is entered once at each level: 510/510/510/510 is its one leaf, 0xffffff7fbfdfe000.
    #expect(report.visitedTables == 4 && report.isComplete)
    #expect(runs.map(\.virtual.start.value) == [0xffff_ff7f_bfdf_e000])
    #expect(runs.map(\.physical.value) == [0])
  }

  @Test func fullCycleEndsAtTheLimit() {
    let walker = walker(entries: (0..<512).map { ($0 * 8, 0x3) }, frames: 1)
    var count = 0
    let report = walker.forEachRun(tableLimit: 1000) { _ in count += 1 }
    #expect(report.visitedTables == 1000)
    #expect(!report.isComplete)
    #expect(report.problems.last?.reason == .tableLimit)
    // Root, PDPT, PD, 512 PTs, the second PD, 484 PTs: 1000 tables. Each PT shows the same frame 512 times, 512 runs.
    #expect(count == (512 + 484) * 512)
    #expect(report.problems.last?.virtual.value == UInt64(512 + 484) << 21)
  }

  @Test func limitOfZero() {
    let report = walker(entries: [(0, 0x3)], frames: 1).forEachRun(tableLimit: 0) { _ in }
    #expect(report.visitedTables == 0 && !report.isComplete)
  }

  @Test func tablesOutsideMemoryAreOneProblemEach() {
    let walker = walker(entries: [(0, 0x5_0003), (8, 0x9_0003)], frames: 1)
    let report = walker.forEachRun { _ in Issue.record("nothing is mapped") }
    #expect(report.problemCount == 2)
    #expect(report.problems.map(\.reason) == [.outsideMemory, .outsideMemory])
    #expect(report.problems.map(\.virtual.value) == [0, 1 << 39])
    #expect(report.problems.map(\.entryAddress.value) == [0x5_0000, 0x9_0000])
    #expect(report.problems.map(\.level) == [.pageDirectoryPointer, .pageDirectoryPointer])
  }

  @Test func rootOutsideMemory() {
    let memory = BytesTableMemory(base: PhysicalAddress(0x1000), bytes: [1, 2, 3])
    let walker = X86_64Walker(memory: memory, root: PhysicalAddress(0x1000))
    #expect(walker.forEachRun { _ in }.problemCount == 1)
    guard case .fault(let fault) = walker.resolve(VirtualAddress(0)) else {
      Issue.record("mapped")
      return
    }
    #expect(fault.reason == .outsideMemory)
  }

  @Test func reservedBitsAreProblems() {
    // PS in a PML4 entry.
    let report = walker(entries: [(16, 0x83)], frames: 1).forEachRun { _ in }
    #expect(report.problems.map(\.reason) == [.reservedBits(0x80)])
    #expect(report.problems.map(\.value) == [0x83])
    #expect(report.problems.map(\.entryAddress.value) == [16])
    #expect(report.problems.map(\.virtual.value) == [2 << 39])
  }

  @Test(arguments: 0..<12)
  func randomBytes(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    // Addresses are cut to the memory, so that most present entries lead on.
    let frames = 16
    let entries = (0..<frames * 512).map { index in
      (offset: index * 8, value: generator.next() & 0x8000_0000_0000_ffff)
    }
    let walker = walker(entries: entries, frames: frames)
    var previous: TranslationRun?
    let report = walker.forEachRun(tableLimit: 150) { run in
      if let previous, previous.virtual.last! >= run.virtual.start { Issue.record("\(run) is not above \(previous)") }
      previous = run
    }
    #expect(report.visitedTables <= 150)
    #expect(report.problems.count <= WalkReport.problemLimit)
    #expect(report.problemCount >= report.problems.count)
    for _ in 0..<500 {
      let address = VirtualAddress(UInt64(bitPattern: Int64(bitPattern: generator.next()) >> 16))
      if walker.translate(address).steps.isEmpty { Issue.record("the root is memory") }
    }
  }
}
