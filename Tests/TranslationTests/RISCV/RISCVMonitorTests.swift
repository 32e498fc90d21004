import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

@testable import Machines

/// QEMU's own walkers, `info mem` and `gva2gpa`, read tables of random address spaces as Perch does and as they were
/// meant. One guest waits under one satp, and its tables are replaced while it is stopped: the monitor walks memory.
@Suite struct RISCVMonitorTests {
  private static let spaces = 5
  /// Room for the tables of the largest space.
  private static let room = 32 << 20

  @Test(arguments: RISCVPaging.allCases)
  func randomSpaces(paging: RISCVPaging) throws {
    // SUM, as gva2gpa tries a load.
    let state = HartState(paging: paging, root: HartRAM.tables, sum: true)
    let set = ProbeSet(control: state.control + [1], probes: [])
    var generator = SeededGenerator(seed: 3000 + UInt64(paging.rawValue))
    var lines = 0
    _ = try runProbes(
      .riscv64, memory: HartRAM.size, sets: [set], fill: { _ in },
      parked: { machine in
        try waitUntilParked(machine)
        for _ in 0..<Self.spaces { lines += try compare(machine, state, using: &generator) }
      })
    #expect(lines > 20, "\(lines)")
  }

  /// Replaces the tables and compares; returns how many ranges were compared.
  private func compare(
    _ machine: QEMUMachine, _ state: HartState, using generator: inout SeededGenerator
  ) throws -> Int {
    let recipe = SpaceRecipe(
      mode: .riscv(state.paging), mappings: 12, physical: HartRAM.frames,
      pageSizes: [.size4KiB, .size2MiB, .size1GiB])
    let space = recipe.space(using: &generator)
    var controls = state.format.controls
    controls.setsAccessedAndDirty = false
    let format = RISCVFormat(state.paging, controls: controls)
    let image = PageTableImage(building: space, format: format, at: PhysicalAddress(state.root))
    let memory = try #require(machine.memory)
    try #require(image.bytes.count <= Self.room)
    memory.copy(image.bytes + [UInt8](repeating: 0, count: Self.room - image.bytes.count), to: state.root)

    // First, as gva2gpa sets A in memory.
    let shown = MonitorRange.joined(try MonitorRange.riscv(try machine.monitor("info mem")))
    let (runs, report) = TranslationTables(format: format, memory: memory, root: image.root).runs()
    #expect(MonitorRange.joined(runs.map(MonitorRange.riscv)) == shown)
    #expect(report.summary.problemCount == 0)
    #expect(shown == MonitorRange.joined(space.mappings.map(range)))
    try compareTranslations(machine, space, TranslationTables(format: format, memory: memory, root: image.root))
    return shown.count
  }

  /// A mapping as `info mem` should show it. A is always set beforehand, and D where the page may be written.
  private func range(_ mapping: MappingIntent) -> MonitorRange {
    var flags: Set<Character> = ["r", "a"]
    if mapping.access.isWritable { flags.formUnion("wd") }
    if mapping.access.isExecutable { flags.insert("x") }
    if mapping.isUser { flags.insert("u") }
    if mapping.isGlobal { flags.insert("g") }
    return MonitorRange(
      start: mapping.virtual.start.value, endExclusive: mapping.virtual.endValue, physical: mapping.physical.value,
      flags: flags)
  }

  private func compareTranslations(
    _ machine: QEMUMachine, _ space: AddressSpace, _ tables: TranslationTables<RISCVFormat, GuestMemory>
  ) throws {
    for address in Set(space.boundaries(step: 1 << 12) + space.boundaries(step: 1 << 21)).sorted() {
      let found = try monitorTranslation(try machine.monitor("gva2gpa 0x\(String(address, radix: 16))"))
      let mapping = space.mappings.first { $0.virtual.contains(VirtualAddress(address)) }
      let meant = mapping.map { $0.physical.value + (address - $0.virtual.start.value) }
      var resolved: UInt64?
      if case .mapped(let byte) = tables.resolve(VirtualAddress(address)) { resolved = byte.physical.value }
      #expect(found == meant && resolved == meant, "0x\(String(address, radix: 16))")
    }
  }
}
