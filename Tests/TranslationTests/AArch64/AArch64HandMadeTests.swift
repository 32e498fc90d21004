import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// Tables that Perch does not make but has to read, under all controls.
@Suite struct AArch64HandMadeTests {
  @Test(arguments: AArch64Paging.Granule.allCases) func randomTables(granule: AArch64Paging.Granule) throws {
    var generator = SeededGenerator(seed: 0x6861_6e64 + UInt64(granule.rawValue))
    let trial = AArch64Trial()
    for paging in AArch64Paging.shapes(granule) {
      for _ in 0..<2 {
        let controls = controls(for: paging, using: &generator)
        let regime = AArch64Regime(format: AArch64Format(paging, controls: controls), root: trial.takeFrames())
        let tables = AArch64RandomTables(trial, regime, seed: generator.next())
        trial.add(regime, at: tables.addresses, allowing: isDefined(regime))
      }
    }
    try trial.judge()
    #expect(trial.complaints.isEmpty, "\(trial.complaints.joined(separator: "\n"))")
    #expect(trial.reachedCount > 3_000)
    for kind in AArch64FaultKind.allCases { #expect(trial.faultCounts[kind, default: 0] > 50, "\(kind)") }
  }

  /// Perch reads the same tables under controls of which one is not the processor's: some probe tells.
  @Test func wrongControlsAreNoticed() throws {
    let paging = try #require(AArch64Paging(granule: .size4KiB, virtualBits: 39, half: .lower))
    let trial = AArch64Trial()
    for wrong in WrongControl.allCases {
      var controls = AArch64Controls()
      controls.physicalBits = 40
      controls.memoryAttributes = 0x44ff_ff44_bb00_00ff
      if wrong == .setsDirtyState { (controls.setsAccessFlag, controls.setsDirtyState) = (true, true) }
      let regime = AArch64Regime(format: AArch64Format(paging, controls: controls), root: trial.takeFrames())
      wrong.change(&controls)
      let tables = TranslationTables(
        format: AArch64Format(paging, controls: controls), memory: trial.memory, root: PhysicalAddress(regime.root))
      let addresses = AArch64RandomTables(trial, regime, tableLimit: 80, seed: 3).addresses
      trial.add(regime, at: addresses, tables: tables)
    }
    try trial.judge()
    for (number, wrong) in WrongControl.allCases.enumerated() {
      #expect(trial.disputedSets.contains(number), "\(wrong)")
    }
  }

  enum WrongControl: CaseIterable {
    case writableIsNeverExecutable, privilegedAccessNever, ignoresTableRestrictions, setsAccessFlag, setsDirtyState
    case physicalBits, memoryAttributes

    func change(_ controls: inout AArch64Controls) {
      switch self {
      case .writableIsNeverExecutable: controls.writableIsNeverExecutable = true
      case .privilegedAccessNever: controls.privilegedAccessNever = true
      case .ignoresTableRestrictions: controls.ignoresTableRestrictions = true
      case .setsAccessFlag: controls.setsAccessFlag = true
      case .setsDirtyState: controls.setsDirtyState = false
      case .physicalBits: controls.physicalBits = 48
      case .memoryAttributes: controls.memoryAttributes ^= 0xff << 8
      }
    }
  }

  /// Everything that SCTLR_EL1, TCR_EL1 and MAIR_EL1 say, at random.
  private func controls(for paging: AArch64Paging, using generator: inout SeededGenerator) -> AArch64Controls {
    let bits = generator.next()
    var controls = AArch64Controls()
    controls.writableIsNeverExecutable = bits & 3 == 0
    controls.privilegedAccessNever = bits & 0xc == 0
    controls.ignoresTableRestrictions = bits & 0x30 == 0
    controls.setsAccessFlag = bits & 0xc0 == 0
    controls.setsDirtyState = bits & 0x100 == 0
    // With 64 KiB pages IPS decides whether addresses are large.
    let isLarge64 = paging.hasLargeAddresses && paging.granule == .size64KiB
    let sizes = AArch64Regime.physicalSizes.dropLast(paging.hasLargeAddresses ? 0 : 1)
    controls.physicalBits = isLarge64 ? 52 : sizes.randomElement(using: &generator)!
    // Byte 7 is the guest's: 0xff. Besides: devices, not cacheable, write-through, write-back.
    let attributes: [UInt64] = [0xff, 0x00, 0x44, 0x04, 0xbb, 0xee, 0xff, 0xff]
    controls.memoryAttributes = attributes.reversed().reduce(0) { $0 << 8 | $1 }
    return controls
  }

  /// Leaves out fetches from pages that are writable and clean (DBM with AP[2], under HA and HD). They count as writable
  /// where that means not executable (Arm ARM, AArch64.S1ApplyOutputPerms); QEMU 7.2 takes them for read-only until they
  /// are written.
  private func isDefined(_ regime: AArch64Regime) -> (Probe, Translation) -> Bool {
    { probe, translation in
      guard regime.controls.setsDirtyState, probe.kind == .execute, case .mapped = translation.outcome,
        let leaf = translation.steps.last?.entry
      else { return true }
      return leaf & (1 << 51 | 1 << 7) != 1 << 51 | 1 << 7
    }
  }
}
