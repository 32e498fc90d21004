import AddressSpace
import Addresses
import PageTables
import Testing

@Suite struct WalkingTests {
  let base = PhysicalAddress(0x20_0000)

  @Test func stepsOfOneTranslation() throws {
    let image = PageTableImage(
      building: try space(.x86_64FourLevel, intent(0xffff_ffff_8100_0000, 0x20_0000, to: 0x1260_0000, .readExecute)),
      at: base)
    let translation = image.tables.translate(VirtualAddress(0xffff_ffff_8112_3456))
    // Entries 511, 510 and 8 of three frames in a row, eight bytes each.
    #expect(translation.steps.map(\.entryAddress.value) == [0x20_0ff8, 0x20_1ff0, 0x20_2040])
    #expect(translation.steps.map(\.level) == [.pml4, .pageDirectoryPointer, .pageDirectory])
    #expect(translation.steps.map(\.entry) == [0x20_1023, 0x20_2023, 0x1260_00a1])
    #expect(
      translation.outcome
        == .mapped(
          MappedByte(
            physical: PhysicalAddress(0x1272_3456), pageSize: .size2MiB, rights: [.supervisorRead, .supervisorExecute],
            attributes: PageAttributes(memoryType: 0))))
  }

  @Test func faultsSayWhere() throws {
    let image = PageTableImage(building: try space(.x86_64FourLevel, intent(0x40_0000, 0x1000, to: 0x5000)), at: base)
    func fault(_ address: UInt64) -> WalkFault? {
      guard case .fault(let fault) = image.tables.resolve(VirtualAddress(address)) else { return nil }
      return fault
    }
    #expect(fault(0x40_0fff) == nil)
    #expect(fault(0x40_1000)?.level == .pageTable)
    #expect(fault(0x40_1000)?.reason == .notPresent)
    #expect(fault(0x3f_ffff)?.level == .pageDirectory)
    #expect(fault(0x4000_0000)?.level == .pageDirectoryPointer)
    #expect(fault(0x80_0000_0000)?.level == .pml4)
    #expect(fault(0x80_0000_0000)?.entryAddress.value == 0x20_0008)
    #expect(fault(0x0000_8000_0000_0000)?.reason == .notCovered)
    #expect(fault(0xffff_7fff_ffff_ffff)?.reason == .notCovered)
    #expect(fault(0xffff_8000_0000_0000)?.reason == .notPresent)
  }

  @Test func rightsAreWhatEveryLevelGrants() {
    // One frame per level at 0, 0x1000, 0x2000, 0x3000; each case clears or sets one bit at one level.
    func rights(_ entries: [UInt64]) -> EffectiveRights? {
      let memory = memory(entries.enumerated().map { ($0.offset * 4096, $0.element) }, count: 4 * 4096)
      let tables = TranslationTables(format: X86_64Format(), memory: memory, root: PhysicalAddress(0))
      guard case .mapped(let byte) = tables.resolve(VirtualAddress(0)) else { return nil }
      return byte.rights
    }
    let supervisor: EffectiveRights = [.supervisorRead, .supervisorWrite, .supervisorExecute]
    let user: EffectiveRights = [.userRead, .userWrite, .userExecute]
    let open: [UInt64] = [0x1007, 0x2007, 0x3007, 0x7]
    #expect(rights(open) == supervisor.union(user))
    for level in 0..<4 {
      var entries = open
      entries[level] &= ~2
      #expect(rights(entries) == [.supervisorRead, .supervisorExecute, .userRead, .userExecute])
      entries = open
      entries[level] &= ~4
      #expect(rights(entries) == supervisor)
      entries = open
      entries[level] |= 1 << 63
      #expect(rights(entries) == [.supervisorRead, .supervisorWrite, .userRead, .userWrite])
    }
  }

  /// Neighbours in both spaces that differ in one thing each: rights, cache, page size.
  @Test func runsEndWhereAnythingChanges() throws {
    let image = PageTableImage(
      building: try space(
        .x86_64FourLevel, intent(0x1f_c000, 0x1000, to: 0x5f_c000, .read),
        intent(0x1f_d000, 0x1000, to: 0x5f_d000, .readWrite),
        intent(0x1f_e000, 0x1000, to: 0x5f_e000, .readWrite, cache: .uncacheable),
        intent(0x1f_f000, 0x1000, to: 0x5f_f000, .readExecute),
        intent(0x20_0000, 0x20_0000, to: 0x60_0000, .readExecute),
        intent(0x40_0000, 0x20_0000, to: 0x80_0000, .readExecute)), at: base)
    let runs = image.tables.runs().runs
    #expect(runs.map(\.virtual.start.value) == [0x1f_c000, 0x1f_d000, 0x1f_e000, 0x1f_f000, 0x20_0000])
    // The last two intents are alike: one run.
    #expect(runs.last?.virtual.count == .mebibytes(4))
  }

  @Test func runsCrossTablesAndReachTheTop() throws {
    let image = PageTableImage(
      building: try space(
        .x86_64FourLevel, intent(0x1f_f000, 0x2000, to: 0x5000), intent(0xffff_ffff_ffc0_0000, 4 << 20, to: 0x40_0000)),
      at: base)
    let runs = image.tables.runs().runs
    #expect(runs.map(\.virtual.start.value) == [0x1f_f000, 0xffff_ffff_ffc0_0000])
    #expect(runs.map(\.virtual.count.value) == [0x2000, 4 << 20])
    #expect(runs.map(\.physical.value) == [0x5000, 0x40_0000])
    #expect(runs[1].virtual.endValue == 0)
  }

  /// 32,768 pages in 64 tables are one run: whoever holds a map never sees single pages.
  @Test func manyPagesAreOneRun() throws {
    let mapped = intent(0xffff_8880_0000_0000, 128 << 20, to: 0x1000, largest: .size4KiB)
    let image = PageTableImage(building: try space(.x86_64FourLevel, mapped), at: base)
    var count = 0
    let report = image.tables(.x86_64FourLevel).forEachRun { run in
      count += 1
      #expect(run.virtual == mapped.virtual && run.physical == mapped.physical)
    }
    #expect(count == 1)
    // The root, one PDPT, one PD, and a PT for each 2 MiB.
    #expect(report.summary.visitedTables == 3 + 64)
  }
}
