import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// Tables that Perch builds, and tables that it has changed, under a processor that makes the accesses.
@Suite struct AArch64SpaceTests {
  private static let granules = AArch64Paging.Granule.allCases

  @Test(arguments: granules) func builtTables(granule: AArch64Paging.Granule) throws {
    var generator = SeededGenerator(seed: 0x7365_6564 + UInt64(granule.rawValue))
    let trial = AArch64Trial()
    for (number, paging) in AArch64Paging.shapes(granule).enumerated() {
      let spaces = AArch64Spaces(paging: paging)
      for space in [
        spaces.accessible(using: &generator), spaces.accessible(using: &generator), spaces.far(using: &generator),
      ] {
        // Every other one with WXN, every third with PAN.
        var controls = AArch64Controls()
        controls.writableIsNeverExecutable = number % 2 == 1
        controls.privilegedAccessNever = number % 3 == 2
        let regime = trial.build(space, AArch64Format(paging, controls: controls))
        let addresses = spaces.addresses(of: space.mappings, using: &generator)
        trial.add(regime, model: IntentModel(space), at: addresses)
      }
    }
    try trial.judge()
    #expect(trial.complaints.isEmpty, "\(trial.complaints.joined(separator: "\n"))")
    // 12 shapes or more, with some thousand probes each; and not all of one kind.
    #expect(trial.probeCount > 20_000 && trial.reachedCount > 5_000, "\(trial.probeCount), \(trial.reachedCount)")
    #expect(trial.faultCounts[.translation, default: 0] > 2_000 && trial.faultCounts[.permission, default: 0] > 2_000)
  }

  @Test(arguments: granules) func editedTables(granule: AArch64Paging.Granule) throws {
    var generator = SeededGenerator(seed: 0x6564_6974 + UInt64(granule.rawValue))
    let trial = AArch64Trial()
    var changes = AArch64Changes()
    for paging in AArch64Paging.shapes(granule) {
      let spaces = AArch64Spaces(paging: paging)
      let space = spaces.accessible(using: &generator)
      let regime = trial.build(space, AArch64Format(paging))
      var model = IntentModel(space)
      let frames = PhysicalRange(uncheckedStart: PhysicalAddress(trial.takeFrames(24)), count: ByteCount(24 << 16))
      try changes.make(12, tables: trial.tables(regime), model: &model, frames: frames, using: &generator)
      trial.add(regime, model: model, at: spaces.addresses(of: model.pieces, using: &generator))
    }
    try trial.judge()
    #expect(trial.complaints.isEmpty, "\(trial.complaints.joined(separator: "\n"))")
    #expect(changes.mapped > 10 && changes.unmapped > 20 && changes.protected > 20, "\(changes)")
    #expect(trial.probeCount > 10_000)
  }

  /// Perch reads tables in which one bit differs from those of the processor: some probe tells.
  @Test func flippedBitsAreNoticed() throws {
    let paging = try #require(AArch64Paging(granule: .size4KiB, virtualBits: 39, half: .lower))
    let trial = AArch64Trial()
    var space = AddressSpace(mode: .aarch64(paging))
    let range = VirtualRange(uncheckedStart: VirtualAddress(0x10_0000), count: ByteCount(0x1000))
    try space.add(
      MappingIntent(virtual: range, physical: PhysicalAddress(0x5000_0000), access: .readExecute, name: "page"))
    let regime = trial.build(space, AArch64Format(paging))
    // V, AttrIndx, AP[1], AP[2], SH, AF, two of the address, PXN, UXN.
    let bits: [UInt64] = [0, 2, 6, 7, 8, 10, 12, 20, 53, 54]
    for bit in bits {
      // The image has the three tables one after the other; 0x100 is the page's index in the last.
      let other = SparseMemory(trial.memory.range)
      for place in stride(from: regime.root, to: regime.root + 0x3000, by: 8) {
        let word = try #require(trial.memory.loadEntry(at: PhysicalAddress(place)))
        _ = other.storeEntry(place == regime.root + 0x2800 ? word ^ 1 << bit : word, at: PhysicalAddress(place))
      }
      let tables = TranslationTables(format: regime.format, memory: other, root: PhysicalAddress(regime.root))
      trial.add(regime, at: [0x10_0000, 0x10_0ff0], tables: tables)
    }
    try trial.judge()
    for (number, bit) in bits.enumerated() { #expect(trial.disputedSets.contains(number), "bit \(bit)") }
  }
}

extension AArch64Trial {
  /// Builds tables, as an image that is then copied.
  func build(_ space: AddressSpace, _ format: AArch64Format) -> AArch64Regime {
    let budget = PageTableBudget(for: space, format: format)
    let root = takeFrames((budget.byteCount.value + 0xffff) >> 16)
    memory.store(PageTableImage(building: space, format: format, at: PhysicalAddress(root)))
    return AArch64Regime(format: format, root: root)
  }
}
