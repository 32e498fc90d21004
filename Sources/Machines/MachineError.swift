public import Addresses

/// Why a machine could not be made, or stopped answering.
public enum MachineError: Error, Equatable, Sendable {
  /// A program that is needed is not installed: its name, and Debian's package that holds it.
  case missingProgram(name: String, package: String)
  /// The system refused a call: its name and the errno value.
  case system(call: String, errno: Int32)
  /// The emulator ended before the guest could start: its exit status and the last of what it printed.
  case startFailed(status: Int32, diagnostics: String)
  /// The emulator ended or closed a control channel in the middle of a conversation.
  case connectionLost(channel: String, diagnostics: String)
  /// A control channel said something that its protocol does not allow.
  case unexpectedAnswer(channel: String, to: String, found: String)
  /// No answer in time.
  case noAnswer(channel: String, to: String)
  /// The machine has no answer to a memory of this size.
  case unsupportedMemorySize(ByteCount, allowed: String)
  /// The machine was made without what is asked for now: "a debugger", "shared memory".
  case notConfigured(String)
}

extension MachineError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingProgram(let name, let package):
      "\(name) is not installed (Debian package \(package))"
    case .system(let call, let errno):
      "\(call) failed: errno \(errno), \(errorText(errno))"
    case .startFailed(let status, let diagnostics):
      "the emulator ended with status \(status) before the guest started: \(diagnostics)"
    case .connectionLost(let channel, let diagnostics):
      "the emulator closed its \(channel): \(diagnostics)"
    case .unexpectedAnswer(let channel, let question, let found):
      "the emulator's \(channel) answered \(question) with \(found)"
    case .noAnswer(let channel, let question):
      "the emulator's \(channel) did not answer \(question) in time"
    case .unsupportedMemorySize(let size, let allowed):
      "a machine cannot have \(size.value) bytes of memory: \(allowed)"
    case .notConfigured(let what):
      "the machine was made without \(what)"
    }
  }
}
