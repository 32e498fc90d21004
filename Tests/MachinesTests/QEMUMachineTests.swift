import Addresses
import Glibc
import KernelImage
import Testing

@testable import Machines

/// Whether a process exists, counting those that were not reaped.
private func exists(_ process: Int32) -> Bool { kill(process, 0) == 0 }

@Suite struct QEMUMachineTests {
  @Test func theGuestsConsoleIsStreamedAndMatched() throws {
    var bytes: [UInt8] = []
    let watcher = ConsoleWatcher(until: try Regex("hello, (perch|world)"))
    let machine = try QEMUMachine(try configuration(TinyGuest.printing("hello, perch\n")), console: watcher) {
      bytes += $0
    }
    #expect(try machine.run() == .matched(line: "hello, perch"))
    #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("hello, perch\n"))
  }

  @Test func aHaltedGuestTimesOutWithItsLastLine() throws {
    let machine = try QEMUMachine(try configuration(TinyGuest.printing("one\nunfinished")))
    try machine.resume()
    while machine.console.lastLine != "unfinished", machine.process.monitor.isOpen {
      try machine.pump(atMost: .milliseconds(50))
    }
    machine.deadline = .now
    #expect(try machine.run() == .timedOut(lastLine: "unfinished"))
  }

  @Test func aPanicEndsTheRun() throws {
    let machine = try QEMUMachine(try configuration(TinyGuest.printing("PANIC: no memory\n")))
    #expect(try machine.run() == .panicked(line: "PANIC: no memory"))
  }

  @Test func aResetEndsTheRunWithQEMUsReason() throws {
    let machine = try QEMUMachine(try configuration(TinyGuest.resetting))
    #expect(try machine.run() == .guestExited(status: 0, reason: "guest-reset"))
  }

  @Test func theGuestStopsAtItsEntryAndGoesOn() throws {
    var configuration = try configuration(TinyGuest.printing("went on\n"))
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    let machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: try Regex("went on")))
    #expect(try machine.run(to: VirtualAddress(TinyGuest.entry)) == .stoppedAtEntry)
    #expect(machine.console.lineCount == 0)
    let registers = try machine.registers()
    #expect(registers.rip == TinyGuest.entry)
    // PE and ET: protected mode without paging (Xen, docs/misc/pvh.pandoc).
    #expect(registers.cr0 == 0x11)
    // The first instruction, `mov esi, 0x100100`, is in memory and was not replaced by a breakpoint.
    let entry = PhysicalRange(uncheckedStart: PhysicalAddress(TinyGuest.entry), count: ByteCount(8))
    let first = machine.memory?.withBytes(of: entry) { $0.load(UInt64.self, at: 0) }
    #expect(first == 0x03f8_ba00_1001_00be)
    #expect(try machine.run() == .matched(line: "went on"))
  }

  @Test func whatNeverReachesTheEntryTimesOut() throws {
    var configuration = try configuration(TinyGuest.printing("x\n"), seconds: 3)
    configuration.hasDebugger = true
    let machine = try QEMUMachine(configuration)
    guard case .timedOut = try machine.run(to: VirtualAddress(0xffff_ffff_8020_0000)) else {
      Issue.record("the guest is somewhere else")
      return
    }
  }

  @Test func aGuestMayEndBeforeItsEntry() throws {
    var configuration = try configuration(TinyGuest.resetting)
    configuration.hasDebugger = true
    let machine = try QEMUMachine(configuration)
    #expect(
      try machine.run(to: VirtualAddress(0xffff_ffff_8020_0000)) == .guestExited(status: 0, reason: "guest-reset"))
  }

  @Test func aRefusedKernelIsAStartThatFailed() throws {
    let configuration = try configuration([0x7f, 0x45, 0x4c, 0x46])
    let error = #expect(throws: MachineError.self) { try QEMUMachine(configuration) }
    guard case .startFailed(let status, let diagnostics) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(status == 1)
    #expect(diagnostics.contains("kernel"), "\(diagnostics)")
  }

  @Test func aWrongOptionIsAStartThatFailed() throws {
    var configuration = try configuration(TinyGuest.printing("x"))
    configuration.extraArguments = ["-no-such-option"]
    let error = #expect(throws: MachineError.self) { try QEMUMachine(configuration) }
    #expect("\(try #require(error))".contains("-no-such-option"))
  }

  /// The packages as Debian's `Contents-amd64` lists the programs.
  @Test(arguments: [
    ("qemu-system-x86_64", "qemu-system-x86"), ("qemu-system-i386", "qemu-system-x86"),
    ("qemu-system-aarch64", "qemu-system-arm"), ("qemu-system-riscv64", "qemu-system-misc"),
  ])
  func aMissingEmulatorIsNamedWithItsPackage(program: String, package: String) throws {
    var configuration = try configuration(TinyGuest.printing("x"))
    configuration.program = "/nowhere/\(program)"
    #expect(throws: MachineError.missingProgram(name: "/nowhere/\(program)", package: package)) {
      try QEMUMachine(configuration)
    }
  }

  @Test func withoutADebuggerThereIsNoStop() throws {
    let machine = try QEMUMachine(try configuration(TinyGuest.printing("x")))
    #expect(throws: MachineError.notConfigured("a debugger")) { try machine.run(to: VirtualAddress(0)) }
  }

  @Test func nothingIsLeftBehind() throws {
    let process: Int32
    do {
      let machine = try QEMUMachine(try configuration(TinyGuest.printing("x\n"), seconds: 60))
      process = machine.processIdentifier
      #expect(exists(process))
    }
    #expect(!exists(process))
    // `timeout` led a process group, in which the emulator was.
    #expect(!exists(-process))
  }

  @Test func aKilledEmulatorIsAnExit() throws {
    let machine = try QEMUMachine(try configuration(TinyGuest.printing("x\n"), seconds: 60))
    kill(-machine.processIdentifier, SIGKILL)
    let outcome = Result { try machine.run() }
    switch outcome {
    case .success(.guestExited(let status, _)): #expect(status == 128 + SIGKILL)
    case .failure(MachineError.connectionLost): break
    default: Issue.record("\(outcome)")
    }
  }
}
