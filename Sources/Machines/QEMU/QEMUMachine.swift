/// A machine under QEMU: made stopped, watched on its console, controlled over its monitor and debugger, ended with the
/// object.
///
/// One poll(2) loop serves all channels, so that the console streams also while a control channel is asked something.
/// To be used, and released, on the thread that made it: the emulator ends with that thread.
public final class QEMUMachine {
  let process: QEMUProcess
  /// The guest's memory, where the configuration asks for it.
  public let memory: GuestMemory?
  /// What the guest has printed.
  public private(set) var console: ConsoleWatcher
  private let sink: ([UInt8]) -> Void
  /// When the guest has had its time.
  var deadline: ContinuousClock.Instant
  private var lastArrival = ContinuousClock.now

  /// Messages that arrived on the control channels and were not asked for yet.
  var monitorMessages = QMPDecoder()
  var debuggerPackets = GDBPacketDecoder()
  /// The registers that the debugger knows, by name; none before it was asked.
  var knownRegisters: [String: TargetRegister] = [:]
  /// Why the guest stopped for good, in QEMU's words.
  var shutdownReason: String?
  /// Whether the guest runs at the debugger's command: then only the debugger can let it go on.
  var isDebuggerAttached = false

  /// Starts the emulator with the guest stopped before its first instruction.
  ///
  /// - Parameters:
  ///   - console: watches what the guest prints.
  ///   - sink: gets the guest's console, byte for byte, as it comes.
  /// - Throws: ``MachineError/missingProgram(name:package:)`` without QEMU;
  ///   ``MachineError/startFailed(status:diagnostics:)`` when it refuses its options or the kernel.
  public init(
    _ configuration: QEMUConfiguration, console: ConsoleWatcher = ConsoleWatcher(),
    sink: @escaping ([UInt8]) -> Void = { _ in }
  ) throws(MachineError) {
    memory =
      configuration.hasReadableMemory
      ? try GuestMemory(size: configuration.memory, layout: configuration.layout) : nil
    deadline = ContinuousClock.now + configuration.boundedTimeLimit
    self.console = console
    self.sink = sink
    process = try QEMUProcess(configuration, memory: memory)
    try openMonitor()
  }

  /// The process identifier of the `timeout` that guards the emulator and leads its process group.
  public var processIdentifier: Int32 { process.identifier }

  /// Ends the emulator. The console and the memory stay readable.
  public func end() { process.end() }

  /// Lets the guest run until its console, its end or the clock says that it is over.
  public func run() throws(MachineError) -> Outcome {
    try resume()
    return try follow { () throws(MachineError) in false }
  }

  /// Watches the guest until `isStopped`, its console, its end or the clock says that it is over.
  func follow(until isStopped: () throws(MachineError) -> Bool) throws(MachineError) -> Outcome {
    while true {
      if try isStopped() { return .stoppedAtEntry }
      if let outcome = console.outcome { return outcome }
      if !process.monitor.isOpen { return exitOutcome() }
      let remaining = deadline - .now
      guard remaining > .zero else { return panic ?? .timedOut(lastLine: console.lastLine) }
      try pump(atMost: min(remaining, .milliseconds(50)))
      console.settle(afterSilenceOf: .now - lastArrival)
    }
  }

  /// Waits until something arrives on any channel, at most `limit`, and hands it on.
  func pump(atMost limit: Duration) throws(MachineError) {
    process.wait(atMost: limit)
    receiveConsole()
    try monitorMessages.consume(process.monitor.receive())
    try noteEvents()
    if let debugger = process.debugger { try debuggerPackets.consume(debugger.receive()) }
  }

  /// Asks again and again for what a channel is expected to bring.
  ///
  /// - Throws: ``MachineError/noAnswer(channel:to:)`` after ten seconds.
  func expect<Answer>(
    _ question: String, from channel: Channel, named name: String, _ answer: () throws(MachineError) -> Answer?
  ) throws(MachineError) -> Answer {
    let limit = ContinuousClock.now + .seconds(10)
    while true {
      if let answer = try answer() { return answer }
      guard channel.isOpen else { throw MachineError.connectionLost(channel: name, diagnostics: process.diagnostics) }
      guard ContinuousClock.now < limit else { throw MachineError.noAnswer(channel: name, to: question) }
      try pump(atMost: .milliseconds(100))
    }
  }

  private var panic: Outcome? { console.panicLine.map { .panicked(line: $0) } }

  private func receiveConsole() {
    let bytes = process.serial.receive()
    guard !bytes.isEmpty else { return }
    lastArrival = .now
    sink(bytes)
    console.consume(bytes)
  }

  /// The emulator has closed its monitor: reads what is left on the console and learns the status.
  private func exitOutcome() -> Outcome {
    let status = process.waitForExit()
    // Nobody is left to write; the bound is for a stranger that has inherited the other end.
    let limit = ContinuousClock.now + .seconds(2)
    while process.serial.isOpen, ContinuousClock.now < limit {
      process.wait(atMost: .milliseconds(50))
      receiveConsole()
    }
    console.settle(afterSilenceOf: .seconds(3600))
    return console.outcome ?? panic ?? .guestExited(status: status, reason: shutdownReason)
  }
}
