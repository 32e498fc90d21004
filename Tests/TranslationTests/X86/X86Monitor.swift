import Perch
import TestSupport

@testable import Machines

/// QEMU's monitor as a page walker: a machine stopped before its first instruction, whose control registers the
/// debugger sets.
final class X86Monitor {
  private let machine: QEMUMachine
  private let memory: GuestMemory

  init() throws {
    var configuration = try ProbeGuest.x86.configuration(
      memory: .mebibytes(256), features: [], machineOptions: [], accelerator: .tcg)
    configuration.hasDebugger = true
    machine = try QEMUMachine(configuration)
    guard let memory = machine.memory else { throw MachineError.notConfigured("readable memory") }
    self.memory = memory
  }

  /// Puts tables into the memory and turns translation on.
  func use(_ stage: X86Stage, _ root: PhysicalAddress, _ paging: X86Paging) throws {
    stage.copy(to: memory, marks: nil)
    // PE and ET alone first: modes change without paging.
    try machine.setRegister(named: "cr0", to: 0x11)
    for (name, value) in [("cr4", paging.cr4), ("cr3", root.value), ("efer", paging.efer), ("cr0", paging.cr0)] {
      try machine.setRegister(named: name, to: value)
    }
  }

  func pages() throws -> [MonitorPage] { try MonitorPage.x86(machine.monitor("info tlb")) }

  func ranges(_ mode: PagingMode) throws -> [MonitorRange] {
    try MonitorRange.x86(machine.monitor("info mem"), virtualAddressBits: mode.virtualBits)
  }

  func translate(_ address: UInt64) throws -> UInt64? {
    try monitorTranslation(machine.monitor("gva2gpa 0x\(String(address, radix: 16))"))
  }

  func end() { machine.end() }
}

extension MonitorPage {
  /// The pages of Perch's runs, with the flags that leaves have where no table above them restricts anything: Perch
  /// sets A in all and D in those that can be written.
  static func pages(of runs: [TranslationRun], _ mode: PagingMode) -> [MonitorPage] {
    runs.flatMap { run -> [MonitorPage] in
      let type = run.attributes.memoryType.rawValue
      // PS in a large page is PAT in a small one.
      let flags: [(Character, Bool)] = [
        ("X", mode != .i386 && !run.rights.contains(.supervisorExecute)), ("G", run.attributes.isGlobal),
        ("P", run.pageSize > .size4KiB || type & 4 != 0), ("D", run.rights.isWritable), ("A", true),
        ("C", type & 2 != 0), ("T", type & 1 != 0), ("U", run.rights.isUser), ("W", run.rights.isWritable),
      ]
      let set = Set(flags.filter(\.1).map(\.0))
      // QEMU prints the entry's own bits of a 4 MiB page above 4 GiB.
      let width: UInt64 = mode == .i386 ? 0xffff_ffff : .max
      return stride(from: 0, to: run.virtual.count.value, by: UInt64.Stride(run.pageSize.byteCount.value)).map {
        MonitorPage(virtual: run.virtual.start.value + $0, physical: (run.physical.value + $0) & width, flags: set)
      }
    }
  }
}

extension MonitorRange {
  /// Perch's runs, joined wherever U/S and R/W of all levels are alike.
  static func ranges(of runs: [TranslationRun]) -> [MonitorRange] {
    runs.reduce(into: []) { ranges, run in
      let flags = Set("r" + (run.rights.isUser ? "u" : "") + (run.rights.isWritable ? "w" : ""))
      let end = run.virtual.start.value &+ run.virtual.count.value
      if let last = ranges.last, last.endExclusive == run.virtual.start.value, last.flags == flags,
        last.endExclusive != 0
      {
        ranges[ranges.count - 1].endExclusive = end
      } else {
        ranges.append(MonitorRange(start: run.virtual.start.value, endExclusive: end, physical: nil, flags: flags))
      }
    }
  }
}
