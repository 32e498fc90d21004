import Addresses
import BootProtocols
import Machines
import Placement
import Reporting

extension Boot {
  /// Boots Perch's own kernel through its own loader, and holds the machine against what a desk says of it.
  func bootBare() async throws {
    async let probe = Acceleration.probe()
    let channels = Channels(color: color)
    try checkBareOptions()
    // From here on nothing is awaited: a machine belongs to the thread that made it.
    let bare = try BareBoot(options, acceleration: await probe, channels: channels)
    let (environment, entry) = try bare.start()
    let prediction = try bare.prediction(in: environment)
    channels.complain(summary(prediction.plan, bare.acceleration))

    var configuration = QEMUConfiguration(
      kernel: .path(bare.files.loaderPath), memory: options.memory.count, accelerator: bare.acceleration.choice,
      timeLimit: timeout.duration)
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    configuration.extraArguments = bare.arguments + qemu
    do {
      let machine = try QEMUMachine(
        configuration, console: ConsoleWatcher(until: until.flatMap { try? Regex($0) })
      ) { channels.tryWrite($0) }
      defer { machine.end() }
      let outcome = try run(machine, bare, expecting: environment, prediction, from: entry)
      try finishBare(outcome, channels: channels)
    } catch let error as MachineError {
      guard case .missingProgram = error else { throw Failure(error) }
      try bootBareDirectly(bare)
    }
  }

  private func checkBareOptions() throws(Failure) {
    var wrong = options.bare.resident
    if options.machine.initrd != nil { wrong.append("--initrd") }
    if options.kind != .auto { wrong.append("--as") }
    guard let option = wrong.first else { return }
    throw Failure(
      PlanError(.badRequest, "\(option) says nothing to Perch's own kernel, which boots without a file"), path: option)
  }

  /// Runs the guest to the loader, to the kernel, and to its end.
  private func run(
    _ machine: QEMUMachine, _ bare: BareBoot, expecting environment: BootEnvironment, _ prediction: BarePrediction,
    from loader: VirtualAddress
  ) throws -> Outcome {
    let started = try machine.run(to: loader)
    guard started == .stoppedAtEntry else { return started }
    let found: BootEnvironment
    do throws(MachineError) { found = try machine.bootEnvironment() } catch { throw Failure(error) }
    var plan = prediction.plan
    // What firmware reserves depends on the processor's maker, where the processor is the host's.
    if found.memoryMap != environment.memoryMap {
      plan = try bare.prediction(in: found).plan
      bare.channels.complain(
        "perch: the machine's memory map is another than predicted; planned anew from the machine's\n")
    }
    let entered = try machine.run(to: VirtualAddress(plan.entry.address))
    guard entered == .stoppedAtEntry else { return entered }
    let report = try machine.verify(plan, memory: try bare.expectedMemory(plan))
    bare.channels.complain(verdict(report))
    guard report.isAsPlanned else { throw ExitStatus.verificationFailed.code }
    if stopAt == .entry {
      bare.channels.complain("stopped at the entry \(Hex.string(plan.entry.address)):\n")
      try bare.channels.write(try machine.monitor("info registers"))
      return entered
    }
    return try machine.run()
  }

  /// Without QEMU: the host's plan, entered under /dev/kvm.
  private func bootBareDirectly(_ bare: BareBoot) throws {
    let channels = bare.channels
    let planned = try PlannedKernel(bare.files.kernelPath, options: options, channels: bare.channels, seed: bare.seed)
    // The kernel's own word for it: under KVM time stamps count no instructions.
    let isCounted = options.machine.commandLine.split(separator: " ").contains("count")
    let machine: KVMMachine
    do {
      let memory = try KVMMachine.Memory(planned.plan.machine)
      try planned.materialise(into: memory)
      machine = try KVMMachine(
        planned.plan, memory: memory, timeLimit: timeout.duration,
        console: ConsoleWatcher(until: until.flatMap { try? Regex($0) })
      ) { channels.tryWrite($0) }
      if isCounted { try machine.countInstructions() }
    } catch let error as MachineError {
      throw Failure(
        .hostLacks,
        Diagnostic(
          code: 503, "neither QEMU nor /dev/kvm is here: \(error.description)",
          helps: ["apt-get install qemu-system-x86"]))
    }
    channels.complain("perch: QEMU is missing; the plan is entered under /dev/kvm, without firmware and loader\n")
    let outcome: Outcome
    do throws(MachineError) { outcome = try machine.run() } catch { throw Failure(error) }
    if isCounted { channels.complain("perch: \(machine.instructionCount) instructions\n") }
    try finishBare(outcome, channels: channels)
  }

  /// What the kernel says at its end through QEMU's isa-debug-exit: `code << 1 | 1`.
  private func finishBare(_ outcome: Outcome, channels: Channels) throws {
    guard case .guestExited(let status, _) = outcome, until == nil || status != 33 else {
      return try finish(outcome, channels: channels)
    }
    switch status {
    case 33: return
    case 35:
      channels.complain("\nperch: a self-test of the kernel failed\n")
      throw ExitStatus.findings.code
    case 37:
      channels.complain("\nperch: the loader refused the kernel\n")
      throw ExitStatus.cannotPlan.code
    case 39:
      channels.complain("\nperch: the guest crashed on an exception\n")
      throw ExitStatus.guestPanicked.code
    default: try finish(outcome, channels: channels)
    }
  }
}
