import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// A change that is refused changes nothing, in every mode.
@Suite struct RefusalPropertyTests {
  /// Mapping what is partly mapped.
  @Test(arguments: PagingMode.all)
  func mappingTwiceIsRefused(mode: PagingMode) {
    check(mode, seeds: 800..<806, isInside: false) { example in
      // What no physical range is long enough for is refused for another reason.
      guard example.range.count.value <= 1 << 32 else { return nil }
      let bench = try Workbench(example.table, spare: 40)
      let kind = example.table.intents[0].kind
      return refusal(of: bench, .alreadyMapped) { () throws(TableEditError) in
        try bench.tables.map(example.range, to: PhysicalAddress(0), as: kind, largest: .size4KiB, frames: &bench.frames)
      }
    }
  }

  /// Protecting a range whose last page is not mapped.
  @Test(arguments: PagingMode.all)
  func protectingAHoleIsRefused(mode: PagingMode) {
    check(mode, seeds: 900..<906, isInside: true) { example in
      let bench = try Workbench(example.table, spare: 40)
      let page = mode.smallestPage.byteCount.value
      guard let last = example.range.last, example.range.count.value > page else { return nil }
      try bench.tables.unmap(range(last.value - (page - 1), page), frames: &bench.frames)
      return refusal(of: bench, .notMapped) { () throws(TableEditError) in
        try bench.tables.protect(example.range, as: example.access, frames: &bench.frames)
      }
    }
  }

  /// One frame less than a mapping, or a split, takes.
  @Test(arguments: PagingMode.all)
  func oneFrameTooFew(mode: PagingMode) {
    check(mode, seeds: 1000..<1006, isInside: true) { example in
      // How many frames does it take? A bench with many tells.
      let rich = try Workbench(example.table, spare: 8)
      let built = rich.frames.usedFrames
      try rich.tables.protect(example.range, as: example.access, frames: &rich.frames)
      let splits = rich.frames.usedFrames - built
      if splits > 0 {
        let bench = try Workbench(example.table, spare: splits - 1)
        let wrong = refusal(of: bench, .outOfFrames(needed: splits)) { () throws(TableEditError) in
          try bench.tables.protect(example.range, as: example.access, frames: &bench.frames)
        }
        if let wrong { return "protect: \(wrong)" }
      }
      let first = example.table.intents[0]
      let needed = PageTableBudget(for: TableCase(mode: mode, intents: [first]).space).frames - 1
      let bench = Workbench(mode, frames: needed)
      return refusal(of: bench, .outOfFrames(needed: needed)) { () throws(TableEditError) in
        try bench.map([first])
      }
    }
  }

  /// A user page below tables made for the supervisor, whose entries have no U/S.
  @Test func tablesThatKeepUsersOut() throws {
    let bench = Workbench(.x86_64FourLevel, frames: 8)
    try bench.tables.map(range(0x1000, 0x1000), to: PhysicalAddress(0), as: PageKind(.read), frames: &bench.frames)
    let wrong = refusal(of: bench, .restricted(.noUser)) { () throws(TableEditError) in
      try bench.tables.map(
        range(0x3000, 0x1000), to: PhysicalAddress(0), as: PageKind(.read, isUser: true), frames: &bench.frames)
    }
    #expect(wrong == nil)
  }

  /// R/W cleared, then XD set, in the page directory's entry: the page below can be read, and nothing more.
  @Test func tablesThatTakeAway() throws {
    let bench = Workbench(.x86_64FourLevel, frames: 8)
    let page = range(0x1000, 0x1000)
    try bench.tables.map(page, to: PhysicalAddress(0), as: PageKind(.read), frames: &bench.frames)
    let directory = try #require(bench.tables.translate(page.start).steps.dropFirst(2).first)
    for (entry, access, missing): (UInt64, Access, Restrictions) in [
      (directory.entry & ~2, .readWrite, .noWrite), (directory.entry | 1 << 63, .readExecute, .noSupervisorExecute),
    ] {
      #expect(bench.tables.memory.storeEntry(entry, at: directory.entryAddress))
      let wrong = refusal(of: bench, .restricted(missing)) { () throws(TableEditError) in
        try bench.tables.protect(page, as: access, frames: &bench.frames)
      }
      #expect(wrong == nil)
      try bench.tables.protect(page, as: .read, frames: &bench.frames)
    }
  }

  private func check(
    _ mode: PagingMode, seeds: Range<UInt64>, isInside: Bool, _ body: @escaping (ChangeCase) throws -> String?
  ) {
    let found = counterexample(
      seeds: seeds, from: { ChangeCase.draw(mode, isInside: isInside, &$0) },
      problem: problem { example in
        // What shrinking leaves must still be about mapped pages.
        guard example.touches(all: isInside) else { return nil }
        return try body(example)
      })
    if let found { Issue.record("\(found)") }
  }

  /// What is wrong with the refusal of a change, if anything.
  private func refusal(
    of bench: Workbench, _ reason: TableEditError.Reason, _ change: () throws(TableEditError) -> Void
  ) -> String? {
    let before = bench.bytes
    let used = bench.frames.usedFrames
    do throws(TableEditError) {
      try change()
      return "was not refused"
    } catch {
      if error.reason != reason { return "refused with \(error), not \(reason)" }
    }
    return bench.isUnchanged(since: before) && bench.frames.usedFrames == used ? nil : "memory was changed"
  }
}

extension ChangeCase {
  /// Whether the range lies in one intent, or meets any.
  func touches(all: Bool) -> Bool {
    table.intents.contains { all ? $0.virtual.contains(range) : $0.virtual.overlaps(range) }
  }
}
