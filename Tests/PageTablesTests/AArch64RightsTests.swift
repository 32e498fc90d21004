import AddressSpace
import Addresses
import PageTables
import Testing

/// Arm ARM, D8.4: who may do what, as truth tables.
@Suite struct AArch64RightsTests {
  private func rights(
    _ leaf: UInt64, under taken: Restrictions = [], _ change: (inout AArch64Controls) -> Void = { _ in }
  ) -> EffectiveRights {
    var controls = AArch64Controls()
    change(&controls)
    return AArch64Format(AArch64Paging()!, controls: controls).rights(of: leaf, at: .pageTable, under: taken)
  }

  private let pxn: UInt64 = 1 << 53
  private let uxn: UInt64 = 1 << 54

  /// AP[2:1]: 00 EL1 writes, 01 both write, 10 EL1 reads, 11 both read. What EL0 writes EL1 never executes.
  @Test func directPermissions() {
    #expect(rights(0x403) == [.supervisorRead, .supervisorWrite, .supervisorExecute, .userExecute])
    #expect(rights(0x443) == [.supervisorRead, .supervisorWrite, .userRead, .userWrite, .userExecute])
    #expect(rights(0x483) == [.supervisorRead, .supervisorExecute, .userExecute])
    #expect(rights(0x4c3) == [.supervisorRead, .supervisorExecute, .userRead, .userExecute])
    // With PXN and UXN nobody executes; each stands for itself.
    for ap in [0x403, 0x443, 0x483, 0x4c3] as [UInt64] {
      #expect(!rights(ap | pxn | uxn).isExecutable)
      #expect(!rights(ap | pxn).contains(.supervisorExecute) && rights(ap | pxn).contains(.userExecute))
      #expect(!rights(ap | uxn).contains(.userExecute))
    }
    // Linux: PAGE_KERNEL, _RO, _ROX.
    #expect(rights(0x0068_0000_0000_0703) == [.supervisorRead, .supervisorWrite])
    #expect(rights(0x0060_0000_0000_0783) == .supervisorRead)
    #expect(rights(0x0040_0000_0000_0783) == [.supervisorRead, .supervisorExecute])
  }

  /// APTable 62 and 61, UXNTable 60, PXNTable 59 of a table descriptor, and HPD, which makes them nothing.
  @Test func hierarchicalBits() {
    let format = AArch64Format(AArch64Paging()!)
    let bits: [(UInt64, Restrictions)] = [
      (62, .noWrite), (61, .noUser), (60, .noUserExecute), (59, .noSupervisorExecute), (63, []), (58, []),
    ]
    var controls = AArch64Controls()
    controls.ignoresTableRestrictions = true
    for (bit, taken) in bits {
      #expect(format.restrictions(of: 0x1003 | 1 << bit, at: .pageDirectory) == taken)
      let ignoring = AArch64Format(AArch64Paging()!, controls: controls)
      #expect(ignoring.restrictions(of: 0x1003 | 1 << bit, at: .pageDirectory) == [])
    }
    // A page that both may read, write and EL0 execute, under each.
    #expect(rights(0x443, under: .noWrite) == [.supervisorRead, .supervisorExecute, .userRead, .userExecute])
    // APTable[0] takes EL0's access, not its execution, and with the writes by EL0 what kept EL1 from executing.
    #expect(
      rights(0x443, under: .noUser) == [.supervisorRead, .supervisorWrite, .supervisorExecute, .userExecute])
    #expect(rights(0x443, under: .noUserExecute) == [.supervisorRead, .supervisorWrite, .userRead, .userWrite])
    #expect(rights(0x483, under: .noSupervisorExecute) == [.supervisorRead, .userExecute])
  }

  @Test func hierarchyOfThreeTables() {
    // Tables at 0, 0x1000, 0x2000, 0x3000; UXNTable at level 0, APTable[1] at level 1, nothing at level 2.
    let memory = memory(
      [(0, 0x1003 | 1 << 60), (0x1000, 0x2003 | 1 << 62), (0x2000, 0x3003), (0x3000, 0x443)], count: 0x4000)
    let tables = TranslationTables(
      format: AArch64Format(AArch64Paging(half: .lower)!), memory: memory, root: PhysicalAddress(0))
    let translation = tables.translate(VirtualAddress(0x123))
    #expect(translation.steps.map(\.takesAway) == [.noUserExecute, .noWrite, [], []])
    guard case .mapped(let byte) = translation.outcome else {
      Issue.record("\(translation)")
      return
    }
    #expect(byte.rights == [.supervisorRead, .supervisorExecute, .userRead])
    #expect(byte.physical.value == 0x123)
  }

  /// WXN: nobody executes what he may write.
  @Test func writableIsNeverExecutable() {
    func wxn(_ leaf: UInt64) -> EffectiveRights { rights(leaf) { $0.writableIsNeverExecutable = true } }
    #expect(wxn(0x403) == [.supervisorRead, .supervisorWrite, .userExecute])
    #expect(wxn(0x443) == [.supervisorRead, .supervisorWrite, .userRead, .userWrite])
    #expect(wxn(0x483) == rights(0x483))
    #expect(wxn(0x4c3) == rights(0x4c3))
  }

  /// PAN: EL1 neither reads nor writes what EL0 may; it may still execute it.
  @Test func privilegedAccessNever() {
    func pan(_ leaf: UInt64) -> EffectiveRights { rights(leaf) { $0.privilegedAccessNever = true } }
    #expect(pan(0x403) == rights(0x403))
    #expect(pan(0x483) == rights(0x483))
    #expect(pan(0x443) == [.userRead, .userWrite, .userExecute])
    #expect(pan(0x4c3) == [.supervisorExecute, .userRead, .userExecute])
  }

  /// Without HA a leaf whose AF is 0 faults; with HD, which counts only with HA, one with DBM is writable although AP[2]
  /// is set.
  @Test func accessFlagAndDirtyState() {
    #expect(rights(0x003) == [])
    #expect(rights(0x003) { $0.setsAccessFlag = true } == rights(0x403))
    let clean: UInt64 = 0x483 | 1 << 51
    func managed(_ controls: inout AArch64Controls) {
      controls.setsAccessFlag = true
      controls.setsDirtyState = true
    }
    #expect(rights(clean) == rights(0x483))
    #expect(rights(clean, managed) == rights(0x403))
    #expect(rights(clean) { $0.setsDirtyState = true } == rights(0x483))
    #expect(rights(clean, under: .noWrite, managed) == rights(0x483))
  }
}
