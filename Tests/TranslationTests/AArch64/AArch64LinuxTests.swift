import AddressSpace
import Addresses
import Foundation
import Machines
import PageTables
import TestSupport
import Testing

/// Debian's kernel for AArch64 at its end, where it finds no root file system: the tables that it runs on, read by
/// Perch, by a walker that is nothing but the Arm ARM's text, and by QEMU.
@Suite(.enabled(if: DebianKernel.cloudARM.isExpected, "scripts/fetch-kernel linux-image-cloud-arm64 was not run"))
struct AArch64LinuxTests {
  /// Starts the kernel and stops it in its panic.
  private func boot() throws -> QEMUMachine {
    var configuration = QEMUConfiguration(
      kernel: .path(DebianKernel.cloudARM.path), memory: .mebibytes(512), accelerator: .tcg, timeLimit: .seconds(120),
      layout: .virtAArch64)
    // Pointer authentication as the emulator likes it: four times as fast a boot.
    configuration.processor = "max,pauth-impdef=on"
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    configuration.extraArguments = ["-append", "console=ttyAMA0"]
    let machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: Regex(/end Kernel panic/)))
    let outcome = try machine.run()
    guard case .matched = outcome else { throw NoPanic(outcome: outcome) }
    try machine.pause()
    return machine
  }

  private struct NoPanic: Error { var outcome: Outcome }

  @Test func liveTables() throws {
    let machine = try boot()
    let memory = try #require(machine.memory)
    let tcr = try machine.registerValue(named: "TCR_EL1")
    for half in AArch64Paging.Half.allCases {
      let register = try machine.registerValue(named: half == .upper ? "TTBR1_EL1" : "TTBR0_EL1")
      let tables = try tables(of: machine, memory, tcr, register, half)
      var walker = ArmWalker(controlRegister: tcr, isUpper: half == .upper) {
        memory.loadEntry(at: PhysicalAddress($0))
      }
      walker.walk(from: register)
      let (runs, report) = tables.runs()
      #expect(report.summary.problemCount == 0 && report.summary.isComplete && walker.unreadableEntries == 0)
      #expect(report.summary.visitedTables == walker.tableCount)
      #expect(firstDifference(runs, walker.leaves) == nil)
      try compareWithMonitor(machine, tables, walker)
      guard half == .upper else { continue }
      // 512 MiB, most of it page by page: rodata=full keeps the linear map from having blocks.
      #expect(runs.count > 50 && walker.leaves.count > 100_000 && walker.tableCount > 200)
      try seeAChange(tables, memory, walker)
    }
  }

  private func tables(
    of machine: QEMUMachine, _ memory: GuestMemory, _ tcr: UInt64, _ register: UInt64, _ half: AArch64Paging.Half
  ) throws -> TranslationTables<AArch64Format, GuestMemory> {
    let isUpper = half == .upper
    let granules: [AArch64Paging.Granule?] =
      isUpper ? [nil, .size16KiB, .size4KiB, .size64KiB] : [.size4KiB, .size64KiB, .size16KiB, nil]
    let granule = try #require(granules[Int(tcr >> (isUpper ? 30 : 14) & 3)])
    let bits = 64 - Int(tcr >> (isUpper ? 16 : 0) & 0x3f)
    let paging = try #require(AArch64Paging(granule: granule, virtualBits: bits, half: half))
    var controls = AArch64Controls()
    controls.physicalBits = AArch64Regime.physicalSizes[Int(tcr >> 32 & 7)]
    controls.setsAccessFlag = tcr >> 39 & 1 == 1
    controls.setsDirtyState = tcr >> 40 & 1 == 1
    controls.ignoresTableRestrictions = tcr >> (isUpper ? 42 : 41) & 1 == 1
    controls.writableIsNeverExecutable = try machine.registerValue(named: "SCTLR") >> 19 & 1 == 1
    controls.memoryAttributes = try machine.registerValue(named: "MAIR_EL1")
    // Neither 52-bit addresses nor WXN: the walker of this test does not know them.
    try #require(tcr >> 59 & 1 == 0 && !controls.writableIsNeverExecutable)
    // TTBR: ASID in 63:48, CnP in bit 0.
    return TranslationTables(
      format: AArch64Format(paging, controls: controls), memory: memory,
      root: PhysicalAddress(register & 0xffff_ffff_fffe))
  }

  /// Where runs, cut into their pages, first differ from leaves.
  private func firstDifference(_ runs: [TranslationRun], _ leaves: [ArmWalker.Leaf]) -> String? {
    var next = leaves.startIndex
    for run in runs {
      let size = run.pageSize.byteCount.value
      for offset in stride(from: 0, to: run.virtual.count.value, by: Int(size)) {
        let page = ArmWalker.Leaf(
          virtual: run.virtual.start.value + offset, physical: run.physical.value + offset, size: size,
          rights: run.rights, attributeIndex: run.attributes.memoryType.rawValue,
          shareability: run.attributes.shareability, isGlobal: run.attributes.isGlobal,
          isContiguous: run.attributes.isContiguous)
        guard next < leaves.endIndex, leaves[next] == page else {
          return "\(page) is \(next < leaves.endIndex ? "\(leaves[next])" : "nothing")"
        }
        next += 1
      }
    }
    return next == leaves.endIndex ? nil : "\(leaves[next]) is not in a run"
  }

  /// QEMU's walker and Perch's, at ends of leaves and anywhere.
  private func compareWithMonitor(
    _ machine: QEMUMachine, _ tables: TranslationTables<AArch64Format, GuestMemory>, _ walker: ArmWalker
  ) throws {
    var generator = SeededGenerator(seed: 1)
    for number in 0..<300 {
      var address = tables.format.mode.addressForm.extend(generator.next(), bits: tables.format.paging.virtualBits)
      if number % 3 != 0, let leaf = walker.leaves.randomElement(using: &generator) {
        address = leaf.virtual &+ (number % 3 == 1 ? leaf.size : generator.next() % leaf.size)
      }
      guard tables.format.mode.covers(VirtualAddress(address)) else { continue }
      let found = try machine.physicalAddress(of: VirtualAddress(address))
      switch tables.resolve(VirtualAddress(address)) {
      case .mapped(let byte): #expect(found == byte.physical, "\(String(address, radix: 16))")
      case .fault: #expect(found == nil, "\(String(address, radix: 16))")
      }
    }
  }

  /// One bit of one entry differs for Perch alone: the comparison sees it.
  private func seeAChange(
    _ tables: TranslationTables<AArch64Format, GuestMemory>, _ memory: GuestMemory, _ walker: ArmWalker
  ) throws {
    let leaf = try #require(walker.leaves.last)
    let step = try #require(tables.translate(VirtualAddress(leaf.virtual)).steps.last)
    let changed = TranslationTables(
      format: tables.format, memory: ChangedMemory(memory: memory, place: step.entryAddress, bit: 53), root: tables.root
    )
    #expect(firstDifference(changed.runs().runs, walker.leaves) != nil)
  }
}

/// A guest's memory with one bit changed.
private struct ChangedMemory: TableMemory {
  let memory: GuestMemory
  let place: PhysicalAddress
  let bit: UInt64

  func loadEntry(at address: PhysicalAddress) -> UInt64? {
    memory.loadEntry(at: address).map { address == place ? $0 ^ 1 << bit : $0 }
  }
}
