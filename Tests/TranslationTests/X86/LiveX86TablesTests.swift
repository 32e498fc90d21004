import Perch
import TestSupport
import Testing

@testable import Machines

/// The tables of a Linux kernel at work, as nobody here made them: Perch's visit over the machine's memory, QEMU's
/// monitor, and a slow walker with nothing of Perch's, agree run by run.
@Suite(.enabled(if: DebianKernel.cloud.isExpected, "scripts/fetch-kernel was not run"))
struct LiveX86TablesTests {
  @Test(arguments: [4, 5])
  func linux(levels: Int) throws {
    let machine = try stoppedKernel(levels: levels)
    let memory = try #require(machine.memory)
    let registers = try machine.registers()
    #expect(registers.cr4 >> 12 & 1 == (levels == 5 ? 1 : 0))
    let controls = X86Controls(
      cr0: registers.cr0, cr4: registers.cr4, efer: registers.efer, physicalBits: UInt8(X86GuestRun.physicalBits))
    // The low bits of CR3 are PCID or cache flags.
    let tables = TranslationTables(
      format: X86_64Format(fiveLevels: levels == 5, controls: controls), memory: memory,
      root: PhysicalAddress(registers.cr3 & 0x000f_ffff_ffff_f000))
    let (runs, report) = tables.runs()
    #expect(report.problems.isEmpty)
    #expect(report.summary.isComplete)

    var walker = SlowX86Walker { memory.loadEntry(at: PhysicalAddress($0)) ?? 0 }
    walker.walk(cr3: registers.cr3, levels: levels)
    #expect(report.summary.visitedTables == walker.tableCount)
    let slow = walker.runs().map { Run($0.first, pageSize: $0.pageSize, controls) }
    #expect(x86FirstDifference(runs.map(Run.init), slow) == nil)
    // The direct map alone is 256 MiB, in large pages mostly.
    #expect(walker.pages.count > 500)
    try compareWithMonitor(machine, runs, walker.pages, levels: levels)
    machine.end()
  }

  /// Everything about a run, in one shape for both walkers.
  private struct Run: Equatable {
    var virtual: UInt64, physical: UInt64, size: UInt64, pageSize: UInt64
    var rights: EffectiveRights
    var attributes: PageAttributes

    init(_ run: TranslationRun) {
      (virtual, size) = (run.virtual.start.value, run.virtual.count.value)
      (physical, pageSize) = (run.physical.value, run.pageSize.byteCount.value)
      (rights, attributes) = (run.rights, run.attributes)
    }

    /// Rights by the Intel SDM, vol. 3A, 4.6.1, with NXE on.
    init(_ page: SlowX86Walker.Page, pageSize: UInt64, _ controls: X86Controls) {
      (virtual, size, physical, self.pageSize) = (page.virtual, page.size, page.physical, pageSize)
      rights = []
      let isGuarded = page.isUser && controls.preventsAccess
      if !isGuarded { rights.insert(.supervisorRead) }
      if !isGuarded, page.isWritable || !controls.writeProtect { rights.insert(.supervisorWrite) }
      if !page.isNoExecute, !(page.isUser && controls.preventsExecution) { rights.insert(.supervisorExecute) }
      if page.isUser { rights.insert(.userRead) }
      if page.isUser, page.isWritable { rights.insert(.userWrite) }
      if page.isUser, !page.isNoExecute { rights.insert(.userExecute) }
      attributes = PageAttributes(
        memoryType: page.memoryType, isGlobal: page.isGlobal, protectionKey: page.protectionKey)
    }
  }

  /// `info mem` shows U/S and R/W of all levels, but QEMU 7.2 says nothing of five; `info tlb` shows every page.
  private func compareWithMonitor(
    _ machine: QEMUMachine, _ runs: [TranslationRun], _ pages: [SlowX86Walker.Page], levels: Int
  ) throws {
    let listed = try MonitorPage.x86(machine.monitor("info tlb"))
    let cut = runs.flatMap { run in
      stride(from: 0, to: run.virtual.count.value, by: UInt64.Stride(run.pageSize.byteCount.value)).map {
        [run.virtual.start.value + $0, run.physical.value + $0]
      }
    }
    #expect(x86FirstDifference(listed.map { [$0.virtual, $0.physical] }, cut) == nil)
    guard levels == 4 else { return }
    let ranges = try MonitorRange.x86(machine.monitor("info mem"), virtualAddressBits: 48)
    #expect(x86FirstDifference(ranges, MonitorRange.ranges(of: runs)) == nil)
  }

  /// Debian's cloud kernel, at a place of its own choice, where it found no root file system.
  private func stoppedKernel(levels: Int) throws -> QEMUMachine {
    var configuration = QEMUConfiguration(
      kernel: .path(DebianKernel.cloud.path), memory: .mebibytes(256), accelerator: .tcg, timeLimit: .seconds(90))
    configuration.processor += levels == 5 ? ",la57=on" : ",la57=off"
    configuration.hasReadableMemory = true
    configuration.extraArguments = ["-append", "console=ttyS0 panic=0"]
    let end = try Regex("Kernel panic - not syncing: .*")
    let machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: end))
    let outcome = try machine.run()
    guard case .matched = outcome else {
      throw MachineError.notConfigured("a kernel that comes to its end: \(outcome)")
    }
    try machine.pause()
    return machine
  }
}
