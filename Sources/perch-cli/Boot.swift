import Addresses
import ArgumentParser
import BootProtocols
import Machines
import Placement
import Reporting

/// `perch boot [FILE]`
struct Boot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boot a kernel where the plan puts it, and hold the machine against the plan.",
    discussion: """
      The guest's console goes to standard output, what perch says to standard error.
      Without FILE it is Perch's own kernel, loaded by Perch's own loader on the bare machine, and always verified.
      Everything after -- is handed to QEMU.
      """)

  enum Stop: String, CaseIterable, ExpressibleByArgument { case entry }

  @Argument(help: "The kernel; Perch's own without one.", completion: .file())
  var file: String?

  @Flag(help: "Stop at the entry and compare memory, registers and page tables with the plan.")
  var verify = false

  @Option(help: ArgumentHelp("End, with success, at a console line that matches.", valueName: "regex"))
  var until: String?

  @Option(help: ArgumentHelp("End after this time.", valueName: "time"))
  var timeout = DurationArgument(.seconds(30))

  @Option(help: ArgumentHelp("Stop there and print the registers: entry.", valueName: "place"))
  var stopAt: Stop?

  @OptionGroup(title: "Plan options")
  var options: PlanOptions

  @Option(help: "When to colour; auto asks the terminal and NO_COLOR.")
  var color: ColorChoice = .auto

  @Argument(parsing: .postTerminator, help: "Options for QEMU.")
  var qemu: [String] = []

  func validate() throws {
    if let until, (try? Regex(until)) == nil { throw ValidationError("--until: '\(until)' is no regular expression") }
    if options.e820 != nil {
      throw ValidationError("--e820 describes another machine than the one that boots: use --memory, or perch plan")
    }
  }

  func run() async throws {
    guard let file else { return try await bootBare() }
    // The probe takes a twentieth of a second, in which the kernel is unpacked and planned.
    async let probe = Acceleration.probe()
    let channels = Channels(color: color)
    let planned = try PlannedKernel(file, options: options, channels: channels)
    let capsule = try planned.capsule()
    let kernel = try planned.inMemory(capsule)
    // From here on nothing is awaited: a machine belongs to the thread that made it.
    let acceleration = await probe
    channels.complain(summary(planned.plan, acceleration))

    var configuration = QEMUConfiguration(
      kernel: .file(kernel), memory: options.memory.count, accelerator: acceleration.choice, timeLimit: timeout.duration
    )
    configuration.hasDebugger = verify || stopAt != nil
    configuration.hasReadableMemory = verify
    configuration.extraArguments = qemu
    do {
      let watcher = ConsoleWatcher(until: until.flatMap { try? Regex($0) })
      let machine = try QEMUMachine(configuration, console: watcher) { bytes in
        channels.tryWrite(bytes)
      }
      defer { machine.end() }
      try finish(
        try boot(machine, planned: planned, capsule: capsule, file: kernel, channels: channels), channels: channels)
    } catch let error as MachineError {
      throw Failure(error)
    }
  }

  /// Runs the guest; through its entry, where something is to be done there.
  private func boot(
    _ machine: QEMUMachine, planned: PlannedKernel, capsule: Capsule, file: AnonymousFile, channels: Channels
  ) throws -> Outcome {
    guard verify || stopAt != nil else { return try machine.run() }
    let outcome = try machine.run(to: VirtualAddress(planned.plan.entry.address))
    guard outcome == .stoppedAtEntry else { return outcome }
    if verify {
      let report = try file.withBytes { (bytes) throws(MachineError) in
        try machine.verify(planned.plan, capsule: capsule, file: bytes)
      }
      channels.complain(verdict(report))
      guard report.isAsPlanned else { throw ExitStatus.verificationFailed.code }
    }
    if stopAt == .entry {
      channels.complain("stopped at the entry \(Hex.string(planned.plan.entry.address)):\n")
      try channels.write(try machine.monitor("info registers"))
      return outcome
    }
    return try machine.run()
  }

  func summary(_ plan: LoadPlan, _ acceleration: Acceleration) -> String {
    var lines = [
      "perch: \(plan.reading)",
      "perch: physical \(Hex.string(plan.imageExtent.start.value)), slide \(Hex.signed(plan.slide.value)), entry \(Hex.string(plan.entry.address))",
      "perch: \(acceleration.choice.rawValue.uppercased()): \(acceleration.reason)",
    ]
    if let randomization = plan.randomization {
      lines.insert(
        "perch: seed \(Hex.string(randomization.seed)), \(randomization.physicalSlots) physical and \(randomization.virtualSlots) virtual slots",
        at: 2)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func verdict(_ report: VerificationReport) -> String {
    var text =
      "perch: verified at the entry: \(report.bytesCompared) bytes, \(report.registersCompared) registers, "
      + "\(report.pagesCompared) pages, \(report.addressesAsked) addresses asked of QEMU: \(report.differenceCount) differences\n"
    for difference in report.differences {
      text += "  \(difference.subject.rawValue) at \(difference.place)"
      text += difference.owner.isEmpty ? "" : " (\(difference.owner))"
      text += ": expected \(difference.expected), found \(difference.found)\n"
    }
    return text
  }

  /// Turns the outcome into the exit code.
  func finish(_ outcome: Outcome, channels: Channels) throws {
    switch outcome {
    case .matched, .stoppedAtEntry: return
    case .guestExited(let status, let reason):
      channels.complain("\nperch: the guest ended\(reason.map { " (\($0))" } ?? ""), QEMU's status \(status)\n")
      // A condition that was never met is no success.
      if until != nil || status != 0 { throw ExitStatus.findings.code }
    case .panicked(let line):
      channels.complain("\nperch: the guest panicked: \(line)\n")
      throw ExitStatus.guestPanicked.code
    case .timedOut(let lastLine):
      channels.complain("\nperch: no end after \(timeout.text); the last line was: \(lastLine)\n")
      throw ExitStatus.guestTimedOut.code
    }
  }
}

extension Failure {
  init(_ error: MachineError) {
    var helps: [String] = []
    if case .missingProgram(_, let package) = error { helps = ["apt-get install \(package)"] }
    self.init(.hostLacks, Diagnostic(code: 503, error.description, helps: helps))
  }
}
