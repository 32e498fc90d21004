import ArgumentParser
import Reporting

/// How a run ended, as the exit code says it. The numbers are a contract with scripts: they never change their meaning.
enum ExitStatus: Int32, Sendable {
  case fine = 0
  /// There are findings at or above the level that was asked for.
  case findings = 1
  case usage = 2
  /// The input cannot be read, or is nothing Perch knows.
  case unreadableInput = 3
  /// The loader refuses, or finds no room or no slot.
  case cannotPlan = 4
  /// The host lacks QEMU, KVM, memory, a writable place.
  case hostLacks = 5
  case guestPanicked = 6
  case guestTimedOut = 7
  /// A defect in Perch.
  case defect = 8
  case verificationFailed = 9

  /// For verbs that end so without a diagnostic.
  var code: ExitCode { ExitCode(rawValue) }
}

extension ExitStatus {
  /// Says why the run ends and ends it.
  static func exit(because error: any Error, channels: Channels) -> Never {
    switch error {
    case let failure as Failure:
      channels.report(failure.diagnostic)
      PerchCommand.exit(withError: failure.status.code)
    case let code as ExitCode:
      PerchCommand.exit(withError: code)
    default:
      leave(with: error, channels: channels)
    }
  }

  /// Help, the version and completion scripts are results; a wrong command line is a usage error; anything else should
  /// have been made a `Failure` where it arose.
  private static func leave(with error: any Error, channels: Channels) -> Never {
    let message = PerchCommand.fullMessage(for: error)
    switch PerchCommand.exitCode(for: error) {
    case .success:
      if !message.isEmpty { channels.tryWrite(message + "\n") }
      PerchCommand.exit(withError: ExitStatus.fine.code)
    case .validationFailure:
      channels.complain(message + "\n")
      PerchCommand.exit(withError: ExitStatus.usage.code)
    default:
      channels.report(
        Diagnostic(
          code: 901, "an error that perch does not expect: \(error)",
          helps: ["this is a defect; please report it with the command line and the file"]))
      PerchCommand.exit(withError: ExitStatus.defect.code)
    }
  }
}
