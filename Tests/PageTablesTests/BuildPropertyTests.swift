import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// What holds for the tables of any intents, in every mode.
@Suite struct BuildPropertyTests {
  private let base = PhysicalAddress(0x100_0000)

  private func check(_ mode: PagingMode, seeds: Range<UInt64>, _ problem: (TableCase) -> String?) {
    let found = counterexample(
      seeds: seeds, from: { TableCase.draw(mode, mixesUsers: true, &$0) }, problem: problem)
    if let found { Issue.record("\(found)") }
  }

  /// The runs of a visit, cut into pages, are the pages of the model, in order; and no two neighbours could be one run.
  @Test(arguments: PagingMode.all)
  func visitGivesBackThePages(mode: PagingMode) {
    check(mode, seeds: 0..<8) { example in
      let space = example.space
      let image = PageTableImage(building: space, at: base)
      let (runs, report) = image.tables(mode).runs()
      guard report.summary.isComplete, report.problems.isEmpty else { return "\(report)" }
      guard report.summary.visitedTables == image.budget.frames else { return "\(report.summary) of \(image.budget)" }
      for (left, right) in zip(runs, runs.dropFirst()) where left.continues(right) {
        return "\(left) and \(right) are one run"
      }
      return difference(mode.pages(of: runs), mode.naivePages(of: space))
    }
  }

  /// A table exists for each block of addresses that holds something smaller than the block's entries.
  @Test(arguments: PagingMode.all)
  func budgetEqualsDistinctBlocks(mode: PagingMode) {
    check(mode, seeds: 100..<106) { example in
      let space = example.space
      let pages = mode.naivePages(of: space)
      let blocks = mode.tableSpans.map { span in
        Set(pages.lazy.filter { $0.size.byteCount.value < span }.map { $0.virtual / span }).count
      }
      let expected = [1] + blocks.reversed()
      let image = PageTableImage(building: space, at: base)
      guard PageTableBudget(for: space) == image.budget, image.budget.framesByLevel == expected else {
        return "\(image.budget.framesByLevel), not \(expected)"
      }
      let size = expected.reduce(0, +) * Int(mode.smallestPage.byteCount.value)
      return image.bytes.count == size ? nil : "\(image.bytes.count) bytes, not \(size)"
    }
  }

  /// The stretches of an intent, cut into pages, are the model's.
  @Test(arguments: PagingMode.all)
  func stretchesAreThePages(mode: PagingMode) {
    check(mode, seeds: 200..<208) { example in
      for intent in example.intents {
        let found = intent.pageStretches(in: mode).flatMap { stretch in
          (0..<stretch.pageCount).map { page in
            let offset = page * stretch.pageSize.byteCount.value
            return [stretch.virtual.start.value + offset, stretch.physical.value + offset]
          }
        }
        let expected = mode.naivePages(of: intent).map { [$0.virtual, $0.physical] }
        if found != expected { return "\(intent.pageStretches(in: mode))" }
      }
      return nil
    }
  }

  /// The first and the last byte of every page lead where the model says, and one byte outside of each intent nowhere.
  @Test(arguments: PagingMode.all)
  func translationEqualsThePlan(mode: PagingMode) {
    check(mode, seeds: 300..<304) { example in
      let space = example.space
      let tables = PageTableImage(building: space, at: base).tables(mode)
      for page in mode.naivePages(of: space) {
        for offset in [0, page.bytes - 1] {
          let found = tables.resolve(VirtualAddress(page.virtual + offset))
          if found != page.resolution(at: offset, mode) { return "\(page) at \(offset) is \(found)" }
        }
      }
      for intent in space.mappings {
        for outside in [intent.virtual.start.value &- 1, intent.virtual.endValue] {
          guard space.mapping(at: VirtualAddress(outside)) == nil else { continue }
          let translation = tables.translate(VirtualAddress(outside))
          guard case .fault(let fault) = translation.outcome else { return "\(outside.swiftText) is mapped" }
          let reason: WalkFault.Reason = mode.covers(VirtualAddress(outside)) ? .notPresent : .notCovered
          if fault.reason != reason { return "\(outside.swiftText): \(fault)" }
        }
      }
      return nil
    }
  }
}

extension TranslationRun {
  /// Whether the next run belongs to this one.
  func continues(_ next: TranslationRun) -> Bool {
    virtual.endValue == next.virtual.start.value && physical.value + virtual.count.value == next.physical.value
      && pageSize == next.pageSize && rights == next.rights && attributes == next.attributes
  }
}

extension ModelPage {
  /// What a walk answers for the byte at an offset.
  func resolution(at offset: UInt64, _ mode: PagingMode) -> Resolution {
    var size = size
    if case .riscv = mode, isContiguous { size = .size64KiB }
    return .mapped(
      MappedByte(
        physical: PhysicalAddress(physical + offset), pageSize: size, rights: rights, attributes: attributes))
  }
}
