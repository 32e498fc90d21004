/// How watching a guest ended.
public enum Outcome: Hashable, Sendable {
  /// The guest printed a line that the caller waited for.
  case matched(line: String)
  /// The emulator ended with this status; `reason` is the emulator's word for why, where it gave one
  /// (QMP `ShutdownCause`: "guest-shutdown", "guest-reset", which a triple fault is too).
  case guestExited(status: Int32, reason: String?)
  /// The guest said that it cannot go on.
  case panicked(line: String)
  /// Time was up; the last line that the guest printed, complete or not.
  case timedOut(lastLine: String)
  /// The guest stands before the first instruction of the plan's entry.
  case stoppedAtEntry
}
