import AddressSpace
import Addresses
import PageTables
import Testing

@Suite struct WalkingTests {
  let base = PhysicalAddress(0x20_0000)

  @Test func stepsOfOneTranslation() throws {
    let image = PageTableImage(
      building: try space(intent(0xffff_ffff_8100_0000, 0x20_0000, to: 0x1260_0000, .readExecute)), at: base)
    let translation = image.walker.translate(VirtualAddress(0xffff_ffff_8112_3456))
    // Entries 511, 510 and 8 of three frames in a row, eight bytes each.
    #expect(translation.steps.map(\.entryAddress.value) == [0x20_0ff8, 0x20_1ff0, 0x20_2040])
    #expect(translation.steps.map(\.level) == [.pml4, .pageDirectoryPointer, .pageDirectory])
    #expect(translation.steps.map(\.entry.rawValue) == [0x20_1023, 0x20_2023, 0x1260_00a1])
    let rights = EffectiveRights(isWritable: false, isExecutable: true, isUser: false)
    #expect(
      translation.outcome
        == .mapped(
          MappedByte(
            physical: PhysicalAddress(0x1272_3456), pageSize: .size2MiB, rights: rights,
            memoryType: MemoryTypeIndex(rawValue: 0))))
  }

  @Test func faultsSayWhere() throws {
    let image = PageTableImage(building: try space(intent(0x40_0000, 0x1000, to: 0x5000)), at: base)
    func fault(_ address: UInt64) -> WalkFault? {
      guard case .fault(let fault) = image.walker.resolve(VirtualAddress(address)) else { return nil }
      return fault
    }
    #expect(fault(0x40_0fff) == nil)
    #expect(fault(0x40_1000)?.level == .pageTable)
    #expect(fault(0x40_1000)?.reason == .notPresent)
    #expect(fault(0x3f_ffff)?.level == .pageDirectory)
    #expect(fault(0x4000_0000)?.level == .pageDirectoryPointer)
    #expect(fault(0x80_0000_0000)?.level == .pml4)
    #expect(fault(0x80_0000_0000)?.entryAddress.value == 0x20_0008)
    #expect(fault(0x0000_8000_0000_0000)?.reason == .notCanonical)
    #expect(fault(0xffff_7fff_ffff_ffff)?.reason == .notCanonical)
    #expect(fault(0xffff_8000_0000_0000)?.reason == .notPresent)
  }

  @Test func rightsAreWhatEveryLevelGrants() {
    // One frame per level at 0, 0x1000, 0x2000, 0x3000; each case clears or sets one bit at one level.
    func rights(_ entries: [UInt64]) -> EffectiveRights? {
      var bytes = [UInt8](repeating: 0, count: 4 * 4096)
      for (level, entry) in entries.enumerated() {
        for byte in 0..<8 { bytes[level * 4096 + byte] = UInt8(truncatingIfNeeded: entry >> (8 * UInt64(byte))) }
      }
      let walker = X86_64Walker(memory: BytesTableMemory(base: PhysicalAddress(0), bytes: bytes), root: .init(0))
      guard case .mapped(let byte) = walker.resolve(VirtualAddress(0)) else { return nil }
      return byte.rights
    }
    let open: [UInt64] = [0x1007, 0x2007, 0x3007, 0x7]
    #expect(rights(open) == .all)
    for level in 0..<4 {
      var entries = open
      entries[level] &= ~2
      #expect(rights(entries) == EffectiveRights(isWritable: false, isExecutable: true, isUser: true))
      entries = open
      entries[level] &= ~4
      #expect(rights(entries) == EffectiveRights(isWritable: true, isExecutable: true, isUser: false))
      entries = open
      entries[level] |= 1 << 63
      #expect(rights(entries) == EffectiveRights(isWritable: true, isExecutable: false, isUser: true))
    }
  }

  /// Every page of the model is translated at its first and last byte, and one byte outside each mapping.
  @Test(arguments: 0..<40)
  func translationEqualsThePlanAtEveryBoundary(seed: UInt64) {
    let space = AddressSpace.random(seed: seed, mappings: 10)
    let walker = PageTableImage(building: space, at: base).walker
    for mapping in space.mappings {
      for page in naivePages(of: mapping) {
        for offset in [0, page.size.byteCount.value - 1] {
          expect(walker, maps: page.virtual + offset, to: page.physical + offset, page.size, as: mapping)
        }
      }
      for outside in [mapping.virtual.start.value &- 1, mapping.virtual.endValue] {
        guard space.mapping(at: VirtualAddress(outside)) == nil else { continue }
        guard case .fault = walker.resolve(VirtualAddress(outside)) else {
          Issue.record("\(String(outside, radix: 16)) is mapped")
          continue
        }
      }
    }
  }

  /// One expectation for all fields: this runs for tens of thousands of addresses.
  private func expect(
    _ walker: X86_64Walker<BytesTableMemory>, maps virtual: UInt64, to physical: UInt64, _ size: PageSize,
    as mapping: MappingIntent
  ) {
    let expected = MappedByte(
      physical: PhysicalAddress(physical), pageSize: size,
      rights: EffectiveRights(
        isWritable: mapping.access.isWritable, isExecutable: mapping.access.isExecutable, isUser: false),
      memoryType: MemoryTypeIndex(rawValue: mapping.cache == .uncacheable ? 3 : 0))
    let found = walker.resolve(VirtualAddress(virtual))
    if found != .mapped(expected) { Issue.record("\(virtual) is \(found), not \(expected)") }
  }

  /// The runs of a visit, cut into pages, are the pages of the model, in order; and no two neighbours could be one run.
  @Test(arguments: 0..<40)
  func visitGivesBackThePages(seed: UInt64) {
    let space = AddressSpace.random(seed: seed, mappings: 14)
    let (runs, report) = PageTableImage(building: space, at: base).walker.runs()
    #expect(report.isComplete && report.problems.isEmpty)
    #expect(report.visitedTables == PageTableBudget(for: space).frames)
    var pages: [[UInt64]] = []
    for run in runs {
      let step = run.pageSize.byteCount.value
      for offset in stride(from: 0, to: run.virtual.count.value, by: Int(step)) {
        pages.append([run.virtual.start.value + offset, run.physical.value + offset, step, bits(run)])
      }
    }
    let expected = space.mappings.flatMap { mapping in
      let rights = UInt64(mapping.access.isWritable ? 1 : 0) | UInt64(mapping.access.isExecutable ? 2 : 0)
      let cache = UInt64(mapping.cache == .uncacheable ? 4 : 0)
      return naivePages(of: mapping).map { [$0.virtual, $0.physical, $0.size.byteCount.value, rights | cache] }
    }
    #expect(pages == expected)
    for (left, right) in zip(runs, runs.dropFirst()) {
      let joins =
        left.virtual.endValue == right.virtual.start.value
        && left.physical.value + left.virtual.count.value == right.physical.value
        && left.pageSize == right.pageSize && bits(left) == bits(right)
      if joins { Issue.record("\(left) and \(right) are one run") }
    }
  }

  private func bits(_ run: TranslationRun) -> UInt64 {
    (run.rights.isWritable ? 1 : 0) | (run.rights.isExecutable ? 2 : 0)
      | (run.memoryType.policy == .uncacheable ? 4 : 0)
  }

  /// Neighbours in both spaces that differ in one thing each: rights, cache, page size.
  @Test func runsEndWhereAnythingChanges() throws {
    let image = PageTableImage(
      building: try space(
        intent(0x1f_c000, 0x1000, to: 0x5f_c000, .read), intent(0x1f_d000, 0x1000, to: 0x5f_d000, .readWrite),
        intent(0x1f_e000, 0x1000, to: 0x5f_e000, .readWrite, cache: .uncacheable),
        intent(0x1f_f000, 0x1000, to: 0x5f_f000, .readExecute),
        intent(0x20_0000, 0x20_0000, to: 0x60_0000, .readExecute),
        intent(0x40_0000, 0x20_0000, to: 0x80_0000, .readExecute)), at: base)
    let runs = image.walker.runs().runs
    #expect(runs.map(\.virtual.start.value) == [0x1f_c000, 0x1f_d000, 0x1f_e000, 0x1f_f000, 0x20_0000])
    // The last two intents are alike: one run.
    #expect(runs.last?.virtual.count == .mebibytes(4))
  }

  @Test func runsCrossTablesAndReachTheTop() throws {
    let image = PageTableImage(
      building: try space(
        intent(0x1f_f000, 0x2000, to: 0x5000), intent(0xffff_ffff_ffc0_0000, 4 << 20, to: 0x40_0000)), at: base)
    let runs = image.walker.runs().runs
    #expect(runs.map(\.virtual.start.value) == [0x1f_f000, 0xffff_ffff_ffc0_0000])
    #expect(runs.map(\.virtual.count.value) == [0x2000, 4 << 20])
    #expect(runs.map(\.physical.value) == [0x5000, 0x40_0000])
    #expect(runs[1].virtual.endValue == 0)
  }
}
