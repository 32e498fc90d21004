import CHost
public import Placement

/// A machine under /dev/kvm whose processor stands at a plan's entry: no firmware, no stub, no emulator.
///
///     let memory = try KVMMachine.Memory(plan.machine)
///     try memory.materialise(plan, image: bytes, modules: files)
///     let machine = try KVMMachine(plan, memory: memory, timeLimit: .seconds(10))
///     let outcome = try machine.run()
///
/// Beside the memory it has a serial port (COM1), `isa-debug-exit` at port 0xf4, and ACPI's power-off at port 0x604,
/// where QEMU's machines have them. Nothing interrupts: a processor that halts has ended, whether interrupts are on or
/// off. Other ports and addresses without memory read as ones, and what is written there is lost.
///
/// To be used, and released, on the thread that made it. While ``run()`` lasts, SIGRTMIN is blocked on that thread.
///
/// `@safe`: the C structure is private, and every use of it states why it holds.
@safe public final class KVMMachine {
  /// The status of a processor that has given up: one that no guest can write to `isa-debug-exit`, whose are odd.
  public static let tripleFaultStatus: Int32 = 134

  public let memory: Memory
  /// What the guest has printed.
  public private(set) var console: ConsoleWatcher
  var machine = perch_kvm_machine()
  var serial = SerialPort()
  private let sink: ([UInt8]) -> Void
  /// When the guest has had its time.
  private let deadline: ContinuousClock.Instant
  private var lastArrival = ContinuousClock.now
  private var ending: Outcome?

  /// How long a guest that does nothing of note is left alone.
  private static let tick: UInt64 = 20_000_000

  /// Makes the machine, with every feature of the processor that KVM offers here (KVM_GET_SUPPORTED_CPUID).
  ///
  /// - Parameters:
  ///   - memory: the machine's memory, with the plan's bytes in it.
  ///   - timeLimit: counted from now; more than a century is a century.
  ///   - console: watches what the guest prints.
  ///   - sink: gets the guest's console, byte for byte, a line at a time.
  /// - Throws: ``MachineError/notConfigured(_:)`` for a plan that is not entered in 64-bit mode;
  ///   ``MachineError/system(call:errno:)`` with the call that the system refused: without /dev/kvm "open /dev/kvm"
  ///   with ENOENT or EACCES; for a processor without what the plan turns on "KVM_SET_SREGS" with EINVAL;
  ///   ``MachineError/unexpectedAnswer(channel:to:found:)`` where KVM took the registers and changed them.
  public init(
    _ plan: LoadPlan, memory: Memory, timeLimit: Duration, console: ConsoleWatcher = ConsoleWatcher(),
    sink: @escaping ([UInt8]) -> Void = { _ in }
  ) throws(MachineError) {
    guard let state = plan.longMode else { throw MachineError.notConfigured("a plan that is entered in 64-bit mode") }
    self.memory = memory
    self.console = console
    self.sink = sink
    deadline = ContinuousClock.now + min(max(timeLimit, .zero), .seconds(3_155_760_000))
    // SAFETY: the call fills this object's own structure. A failure leaves it ready to be closed by deinit.
    guard unsafe perch_kvm_machine_open(&machine) == 0 else { throw failure() }
    try memory.give(to: &machine)
    try enter(state)
  }

  deinit {
    // SAFETY: the structure is this object's own. The memory lives until the machine no longer uses it.
    unsafe perch_kvm_machine_close(&machine)
  }

  /// Counts instructions from now on. It costs an exit for each: a KVM that emulates steps some hundred thousand
  /// instructions in a second.
  ///
  /// An instruction that faults is none, and neither is the one that ends the run. A repeated string instruction is as
  /// many as KVM makes steps of it: one for each repetition, or fewer where KVM emulates.
  ///
  /// - Throws: ``MachineError/system(call:errno:)``, "KVM_SET_GUEST_DEBUG".
  public func countInstructions() throws(MachineError) {
    // SAFETY: the structure is this object's own, and open.
    guard unsafe perch_kvm_machine_count(&machine) == 0 else { throw failure("KVM_SET_GUEST_DEBUG") }
  }

  /// Instructions that the guest has completed while they were counted.
  public var instructionCount: UInt64 { machine.instructions }

  /// Lets the guest run until its console, its end or the clock says that it is over.
  ///
  /// A guest that ended says how: "debug-exit" with `isa-debug-exit`'s status, "guest-shutdown" with 0, "halted" with
  /// 0, "triple fault" with ``tripleFaultStatus`` and the registers as they are then.
  ///
  /// - Throws: ``MachineError/unexpectedAnswer(channel:to:found:)``, with the registers, where KVM cannot go on.
  public func run() throws(MachineError) -> Outcome {
    if let ending { return ending }
    defer {
      // SAFETY (here and below): the structure is this object's own, and open.
      unsafe perch_kvm_machine_stop_clock(&machine)
      flush()
    }
    guard unsafe perch_kvm_machine_start_clock(&machine, Self.tick) == 0 else { throw failure("timer_create") }
    while true {
      if let outcome = try step() { return outcome }
    }
  }

  /// Lets the processor run to its next event; nil where the guest goes on after it.
  private func step() throws(MachineError) -> Outcome? {
    // SAFETY: the structure is this object's own, and open.
    switch unsafe perch_kvm_machine_run(&machine) {
    case Int32(PERCH_KVM_PORT.rawValue):
      if let ending = try accessPort() { return end(ending) }
      return console.outcome
    case Int32(PERCH_KVM_HOLE.rawValue):
      if machine.access.is_write == 0 { machine.access.value = .max }
      return nil
    case Int32(PERCH_KVM_TICK.rawValue):
      return settle()
    case Int32(PERCH_KVM_STEP.rawValue):
      guard try wasHalt() else { return nil }
      machine.instructions -= 1
      return end(.guestExited(status: 0, reason: "halted"))
    case Int32(PERCH_KVM_HALT.rawValue):
      return end(.guestExited(status: 0, reason: "halted"))
    case Int32(PERCH_KVM_SHUTDOWN.rawValue):
      return end(.guestExited(status: Self.tripleFaultStatus, reason: "triple fault: \(try registers().summary)"))
    case Int32(PERCH_KVM_STUCK.rawValue):
      throw MachineError.unexpectedAnswer(channel: "KVM", to: "KVM_RUN", found: "\(stop): \(try registers().summary)")
    default:
      throw failure("KVM_RUN")
    }
  }

  /// The clock has ticked: whether the guest fell silent for good, or has had its time.
  private func settle() -> Outcome? {
    flush()
    console.settle(afterSilenceOf: .now - lastArrival)
    if let outcome = console.outcome { return outcome }
    guard .now >= deadline else { return nil }
    return console.panicLine.map { .panicked(line: $0) } ?? .timedOut(lastLine: console.lastLine)
  }

  /// The machine has ended. What the console says about it comes first.
  private func end(_ outcome: Outcome) -> Outcome {
    console.settle(afterSilenceOf: .seconds(3600))
    let final = console.outcome ?? outcome
    ending = final
    return final
  }

  private func flush() {
    let bytes = serial.takeTransmitted()
    if !bytes.isEmpty { sink(bytes) }
  }

  /// Takes a byte that the guest has sent.
  func receive(_ byte: UInt8) {
    lastArrival = .now
    console.consume(CollectionOfOne(byte))
    if byte == UInt8(ascii: "\n") { flush() }
  }
}
