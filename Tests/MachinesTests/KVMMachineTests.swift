import Foundation
import Perch
import TestSupport
import Testing

@testable import Machines

/// What a guest did is judged by what its hand-assembled instructions do (Intel SDM vol. 2).
@Suite(.serialized, .enabled(if: KVMMachineGuest.isAvailable, Comment(rawValue: KVMMachineGuest.reason)))
struct KVMMachineTests {
  typealias Guest = KVMMachineGuest

  /// `hlt`, `jmp $`.
  static let halt: [UInt8] = [0xf4]
  static let loop: [UInt8] = [0xeb, 0xfe]

  @Test func theProcessorStandsAtThePlansEntry() throws {
    let found = try Guest(Self.halt).machine().registers()
    #expect(found.rip == 0xffff_ffff_8020_0000)
    #expect(found.rflags == 2)
    #expect(found.general.rdi == 0x1234)
    #expect(found.general.rsp == 0xffff_ffff_8020_2000)
    #expect(found.general.inEncodingOrder.reduce(0, |) == found.general.rdi | found.general.rsp)
    #expect([found.cr0, found.cr3, found.cr4, found.efer] == [0x8001_0011, 0x10_2000, 0x20, 0xd00])
    // 0x00af9b000000ffff and 0x00cf93000000ffff without base and limit; G makes the limit 4 GiB - 1.
    #expect(found.cs == .init(selector: 0x10, base: 0, limit: 0xffff_ffff, attributes: 0xa0_9b00))
    for segment in [found.ds, found.es, found.ss, found.fs, found.gs] {
      #expect(segment == .init(selector: 0x18, base: 0, limit: 0xffff_ffff, attributes: 0xc0_9300))
    }
    #expect(found.gdt == .init(base: 0x10_1000, limit: 0x1f))
    #expect(found.idt == .init(base: 0, limit: 0))
  }

  @Test func theConsoleIsStreamedAndMatched() throws {
    var guest = try Guest(Guest.out(0x3f8, 0x68) + Guest.out(0x3f8, 0x69) + Guest.out(0x3f8, 0x0a) + Self.loop)
    guest.console = ConsoleWatcher(until: try Regex("^hi$"))
    let result = try guest.run()
    #expect(result.outcome == .matched(line: "hi"))
    #expect(result.printed == "hi\n")
  }

  @Test func aPromptIsMatchedInSilence() throws {
    var guest = try Guest(Guest.out(0x3f8, 0x3e) + Self.loop)
    guest.console = ConsoleWatcher(until: try Regex("^>$"))
    #expect(try guest.run().outcome == .matched(line: ">"))
  }

  @Test(arguments: [(3, 7), (0, 1), (0x80, 1)] as [(UInt8, Int32)])
  func debugExitHasAStatus(value: UInt8, status: Int32) throws {
    let result = try Guest(Guest.out(0xf4, value) + Self.loop).run()
    #expect(result.outcome == .guestExited(status: status, reason: "debug-exit"))
  }

  @Test func powerOffIsAnExit() throws {
    // mov dx, 0x604; mov ax, imm16; out dx, ax. SLP_TYP 1 (0x2400) is another state, 0 without SLP_EN is none.
    let prefix: [UInt8] = [0x66, 0xba, 0x04, 0x06]
    let text = prefix + [0x66, 0xb8, 0x00, 0x24, 0x66, 0xef, 0x66, 0xb8, 0x00, 0x00, 0x66, 0xef]
    #expect(
      try Guest(text + [0x66, 0xb8, 0x00, 0x20, 0x66, 0xef] + Self.loop).run().outcome
        == .guestExited(status: 0, reason: "guest-shutdown"))
    var guest = try Guest(text + Self.loop)
    guest.timeLimit = .milliseconds(100)
    #expect(try guest.run().outcome == .timedOut(lastLine: ""))
  }

  /// `cli`, `sti`: nothing can wake the processor in either case.
  @Test(arguments: [0xfa, 0xfb] as [UInt8])
  func aHaltIsTheEnd(instruction: UInt8) throws {
    let guest = try Guest([instruction] + Self.halt + Self.loop)
    #expect(try guest.run().outcome == .guestExited(status: 0, reason: "halted"))
  }

  @Test func aPanicComesBeforeTheHalt() throws {
    let text = "PANIC: no\n".utf8.flatMap { Guest.out(0x3f8, $0) }
    #expect(try Guest(text + Self.halt).run().outcome == .panicked(line: "PANIC: no"))
    // Time is up before the silence is long enough.
    var guest = try Guest(text + Self.loop)
    guest.timeLimit = .milliseconds(50)
    #expect(try guest.run().outcome == .panicked(line: "PANIC: no"))
  }

  @Test func anEndlessLoopIsEnded() throws {
    var guest = try Guest(Guest.out(0x3f8, 0x78) + Self.loop)
    guest.timeLimit = .milliseconds(300)
    let begin = ContinuousClock.now
    let result = try guest.run()
    #expect(result.outcome == .timedOut(lastLine: "x"))
    #expect(.now - begin >= .milliseconds(300))
    #expect(.now - begin < .seconds(5))
    // out is the third instruction: 4 + 2 + 1 bytes.
    #expect(try result.machine.registers().rip == Guest.kernel + 7)
  }

  /// Time is up also for a guest that keeps the machine busy: `out dx, al; jmp -3`; `mov al, [rax]; jmp -4`; stepped.
  @Test(arguments: [([0xee, 0xeb, 0xfd], false), ([0x8a, 0x00, 0xeb, 0xfc], false), ([0xeb, 0xfe], true)])
  func aBusyGuestIsEnded(loop: [UInt8], isCounted: Bool) throws {
    // mov rax, a hole; mov dx, 0x3f8
    let hole = Guest.move(VerifiedGuest.directMap + 0x3ff_0000, to: 0)
    var guest = try Guest(hole + [0x66, 0xba, 0xf8, 0x03] + loop)
    guest.timeLimit = .milliseconds(200)
    guest.isCounted = isCounted
    let begin = ContinuousClock.now
    guard case .timedOut = try guest.run().outcome else { throw MachineError.notConfigured("an end") }
    #expect(.now - begin < .seconds(5))
  }

  /// SIGRTMIN of the C library is 34: the kernel's 32 and 33 are its own.
  @Test(arguments: [SIG_BLOCK, SIG_UNBLOCK]) func theThreadKeepsItsSignals(how: Int32) throws {
    var (clock, before, after, pending) = (sigset_t(), sigset_t(), sigset_t(), sigset_t())
    sigemptyset(&clock)
    sigaddset(&clock, 34)
    pthread_sigmask(how, &clock, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var guest = try Guest(Self.loop)
    guest.timeLimit = .milliseconds(100)
    _ = try guest.run()
    pthread_sigmask(SIG_BLOCK, nil, &after)
    sigpending(&pending)
    #expect(sigismember(&after, 34) == (how == SIG_BLOCK ? 1 : 0))
    #expect(sigismember(&pending, 34) == 0)
  }

  @Test func anUnmappedEntryIsATripleFault() throws {
    var guest = try Guest(Self.halt)
    let nowhere = Guest.kernel + 0x1_0000
    guest.plan.longMode?.rip = VirtualAddress(nowhere)
    let result = try guest.run()
    guard case .guestExited(KVMMachine.tripleFaultStatus, let reason?) = result.outcome else {
      Issue.record("\(result.outcome)")
      return
    }
    #expect(reason.hasPrefix("triple fault: RIP 0xffffffff80210000,"))
    #expect(reason.contains("CR2 0xffffffff80210000"))
    #expect(try result.machine.run() == result.outcome)
  }

  @Test func theUsualStartOfA16550Works() throws {
    // Divisor 3, 8N1, then loopback: what is sent comes back and does not go out.
    var text: [UInt8] = []
    for (port, value): (UInt16, UInt8) in [
      (0x3f9, 0), (0x3fb, 0x80), (0x3f8, 3), (0x3f9, 0), (0x3fb, 3), (0x3fa, 0xc7), (0x3fc, 0x1e), (0x3f8, 0xae),
    ] { text += Guest.out(port, value) }
    // mov dx, 0x3f8; in al, dx; cmp al, 0xae; je +1; hlt
    text += [0x66, 0xba, 0xf8, 0x03, 0xec, 0x3c, 0xae, 0x74, 0x01, 0xf4]
    // mov dx, 0x3fd; in al, dx; cmp al, 0x60; je +1; hlt
    text += [0x66, 0xba, 0xfd, 0x03, 0xec, 0x3c, 0x60, 0x74, 0x01, 0xf4]
    let end: [(UInt16, UInt8)] = [(0x3fc, 0x0f), (0x3f8, 0x6f), (0x3f8, 0x6b), (0x3f8, 0x0a)]
    text += end.flatMap { Guest.out($0, $1) } + Self.halt
    #expect(try Guest(text).run().printed == "ok\n")
  }

  @Test func aStringGoesToTheConsole() throws {
    // mov rsi, data; mov ecx, 4; mov dx, 0x3f8; rep outsb; hlt
    let text =
      Guest.move(Guest.data, to: 6) + [0xb9, 4, 0, 0, 0, 0x66, 0xba, 0xf8, 0x03, 0xf3, 0x6e] + Self.halt
    #expect(try Guest(text, data: Array("abc\ndef\n".utf8)).run().printed == "abc\n")
  }

  @Test func aStringIsReadFromAPort() throws {
    // The scratch register; mov rdi, data; mov ecx, 8; mov dx, 0x3ff; rep insb; hlt
    let text = Guest.out(0x3ff, 0x5a) + Guest.move(Guest.data, to: 7) + [0xb9, 8, 0, 0, 0, 0xf3, 0x6c] + Self.halt
    let memory = try Guest(text).run().machine.memory
    #expect(memory.loadEntry(at: PhysicalAddress(VerifiedGuest.data)) == 0x5a5a_5a5a_5a5a_5a5a)
  }

  @Test func whereNoMemoryIsReadsAsOnes() throws {
    // The topmost 128 KiB of the 64 MiB are reserved.
    // mov rax, address; mov dword [rax], 0; mov eax, [rax]; out 0xf4, eax
    let text: [UInt8] = [0xc7, 0x00, 0, 0, 0, 0, 0x8b, 0x00, 0xe7, 0xf4]
    for (physical, status) in [(0x3ff_0000, 0xff), (0x3fd_0000, 1)] as [(UInt64, Int32)] {
      let guest = try Guest(Guest.move(VerifiedGuest.directMap + physical, to: 0) + text)
      #expect(try guest.run().outcome == .guestExited(status: status, reason: "debug-exit"))
    }
    // in al, 0x80; out 0xf4, al
    #expect(
      try Guest([0xe4, 0x80, 0xe6, 0xf4]).run().outcome == .guestExited(status: 0xff, reason: "debug-exit"))
  }

  @Test func whatTheGuestWritesIsRead() throws {
    // mov rax, data; mov byte [rax], 0x5a; hlt
    let result = try Guest(Guest.move(Guest.data, to: 0) + [0xc6, 0x00, 0x5a] + Self.halt).run()
    // The data was 1, 2, 3, 4, 5, 6, 7, 8.
    #expect(result.machine.memory.loadEntry(at: PhysicalAddress(VerifiedGuest.data)) == 0x0807_0605_0403_025a)
  }

  @Test func instructionsAreCounted() throws {
    let text: [UInt8] = [
      0xb9, 100, 0, 0, 0,  // mov ecx, 100        1
      0xff, 0xc9,  // dec ecx                   100
      0x75, 0xfc,  // jnz -4                    100
      0x66, 0xba, 0xfd, 0x03, 0xec,  // mov dx, 0x3fd; in al, dx               2
      0x66, 0xba, 0xf8, 0x03, 0xb0, 0x0a, 0xee,  // mov dx, 0x3f8; mov al, 10; out dx, al  3
      0xb9, 5, 0, 0, 0,  // mov ecx, 5            1
    ]
    // nop; hlt, which ends the run and does not count
    var guest = try Guest(text + [0x90] + Self.halt + Self.loop)
    guest.isCounted = true
    let result = try guest.run()
    #expect(result.outcome == .guestExited(status: 0, reason: "halted"))
    #expect(result.machine.instructionCount == 1 + 100 + 100 + 2 + 3 + 1 + 1)
  }

  @Test func aHaltBehindAPortIsTheEndOfACount() throws {
    // out dx, al is one byte, and so is hlt.
    var guest = try Guest(Guest.out(0x80, 1) + Self.halt + Self.loop)
    guest.isCounted = true
    let result = try guest.run()
    #expect(result.outcome == .guestExited(status: 0, reason: "halted"))
    #expect(result.machine.instructionCount == 3)
  }

  @Test func aCountedGuestDoesNotSeeTheTrapFlag() throws {
    // pushfq; pop rax; mov al, ah; out 0xf4, al: TF is bit 8.
    var guest = try Guest([0x9c, 0x58, 0x88, 0xe0, 0xe6, 0xf4] + Self.loop)
    guest.isCounted = true
    #expect(try guest.run().outcome == .guestExited(status: 1, reason: "debug-exit"))
  }
}

/// What cannot be entered is refused with the reason.
@Suite(.enabled(if: KVMMachineGuest.isAvailable, Comment(rawValue: KVMMachineGuest.reason)))
struct KVMMachineRefusalTests {
  @Test func registersThatNoProcessorHolds() throws {
    var guest = try KVMMachineGuest([0xf4])
    guest.plan.longMode?.cr4 |= 1 << 31
    #expect(throws: MachineError.system(call: "KVM_SET_SREGS", errno: EINVAL)) { try guest.machine() }
  }

  @Test func aPlanForAnotherMode() throws {
    var guest = try KVMMachineGuest([0xf4])
    guest.plan.longMode = nil
    #expect(throws: MachineError.notConfigured("a plan that is entered in 64-bit mode")) { try guest.machine() }
  }

  @Test func aPieceWhereNoMemoryIs() throws {
    var guest = try KVMMachineGuest([0xf4])
    let nowhere = PhysicalRange(uncheckedStart: PhysicalAddress(0x3fd_f000), count: ByteCount(0x1001))
    guest.plan.pieces.append(Piece(source: .zero, destination: nowhere, owner: "a stray"))
    let error = #expect(throws: PlanError.self) { try guest.machine() }
    #expect(try #require(error).sentence.contains("a stray at [0x3fdf000, 0x3fe0001) lies where there is no memory"))
  }
}

/// Kernels that look around from inside: their verdict is the last line that they print.
@Suite(.serialized, .enabled(if: KVMMachineGuest.isAvailable, Comment(rawValue: KVMMachineGuest.reason)))
struct KVMMachineKernelTests {
  /// A place, or a seed that draws it; 0x140000000 is in the second bank of 6 GiB.
  @Test(
    arguments: [
      (.oneSegment, 64, nil, 11), (.oneSegment, 6144, 0x1_4000_0000, nil), (.pieRELA, 64, nil, 7),
    ] as [(TinyKernel, UInt64, UInt64?, UInt64?)])
  func findsItselfWhereThePlanSays(kernel: TinyKernel, mebibytes: UInt64, place: UInt64?, seed: UInt64?) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: try kernel.path())))
    var request = PlanRequest(machine: try QEMUMemoryMap.pc(.mebibytes(mebibytes)))
    request.seed = seed
    if let place { request.physical = .at(PhysicalAddress(place)) }
    request.commandLine = "greetings from the test"
    let (plan, memory) = try bytes.withRawSpan { span in
      let image = try ELFImage(elf: try ELFFile(parsing: span), bytes: span)
      let plan = try PerchLoader.plan(elf: image, bytes: span, request: request)
      let memory = try KVMMachine.Memory(plan.machine)
      try memory.materialise(plan, image: span, modules: NoModules())
      return (plan, memory)
    }
    var printed: [UInt8] = []
    let machine = try KVMMachine(plan, memory: memory, timeLimit: .seconds(20)) { printed += $0 }
    #expect(try machine.run() == .guestExited(status: 0, reason: "halted"))
    let lines = String(decoding: printed, as: UTF8.self).split(whereSeparator: \.isNewline)
    #expect(lines.last == "done", "\(String(decoding: printed, as: UTF8.self))")
    #expect(lines.contains("command line=greetings from the test"))
    let found = "phys=0x\(String(place ?? plan.imageExtent.start.value, radix: 16))"
    #expect(lines.contains { $0.hasPrefix("kernel virt=") && $0.contains(found) })
  }
}
