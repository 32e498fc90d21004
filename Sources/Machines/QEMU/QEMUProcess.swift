/// A running emulator and our ends of its channels.
final class QEMUProcess {
  let serial: Channel
  let monitor: Channel
  let debugger: Channel?
  private let output: Channel
  private let child: ChildProcess
  private var diagnosticBytes: [UInt8] = []

  /// How much of what the emulator prints is kept, in bytes.
  static let diagnosticLimit = 4096

  /// Starts the emulator; `memory` backs the guest's memory, where the configuration asks for that.
  init(_ configuration: QEMUConfiguration, memory: GuestMemory?) throws(MachineError) {
    guard let program = findProgram(configuration.program) else {
      throw MachineError.missingProgram(name: configuration.program, package: configuration.package)
    }
    let nothing = try Channel.nothing()
    let output = try Channel.pair()
    let serial = try Channel.pair()
    let monitor = try Channel.pair()
    let debugger = configuration.hasDebugger ? try Channel.pair() : nil
    let descriptors = QEMUDescriptor.allCases.map { kind in
      switch kind {
      case .input: nothing.descriptor
      case .output, .diagnostics: output.theirs.descriptor
      case .serial: serial.theirs.descriptor
      case .monitor: monitor.theirs.descriptor
      case .debugger: debugger?.theirs.descriptor ?? nothing.descriptor
      case .memory: memory?.file.descriptor ?? nothing.descriptor
      case .kernel: configuration.kernelDescriptor ?? nothing.descriptor
      }
    }
    // Ten seconds more than the limit that is kept here: `timeout` is for the case that nobody is left to keep it.
    child = try ChildProcess(
      program, configuration.arguments, channels: descriptors, limit: configuration.boundedTimeLimit + .seconds(10))
    self.output = output.ours
    self.serial = serial.ours
    self.monitor = monitor.ours
    self.debugger = debugger?.ours
  }

  /// The process identifier of the emulator's guardian, for messages and tests.
  var identifier: Int32 { child.identifier }

  /// What the emulator printed last.
  var diagnostics: String {
    collectDiagnostics()
    let text = String(decoding: diagnosticBytes, as: UTF8.self)
    return text.isEmpty ? "it said nothing" : String(text.split(whereSeparator: \.isNewline).joined(separator: "; "))
  }

  /// Waits until something arrives on any channel, at most `limit`.
  func wait(atMost limit: Duration) {
    Channel.wait(for: [serial, monitor, output] + (debugger.map { [$0] } ?? []), atMost: limit)
    collectDiagnostics()
  }

  /// Waits for an emulator that has closed its channels, and ends one that does not end by itself.
  func waitForExit() -> Int32 {
    if child.reap(within: .seconds(5)) == nil { child.end() }
    return child.status ?? 128
  }

  func end() { child.end() }

  private func collectDiagnostics() {
    let bytes = output.receive()
    guard !bytes.isEmpty else { return }
    diagnosticBytes += bytes
    if diagnosticBytes.count > Self.diagnosticLimit {
      diagnosticBytes.removeFirst(diagnosticBytes.count - Self.diagnosticLimit)
    }
  }
}

extension QEMUConfiguration {
  fileprivate var kernelDescriptor: Int32? {
    if case .file(let file) = kernel { file.descriptor } else { nil }
  }
}
