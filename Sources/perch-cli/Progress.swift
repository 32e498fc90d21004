import Glibc
import Reporting
import Synchronization

/// One line on standard error for a step that takes longer than 200 ms, while it runs, and only on a terminal.
///
/// The line is wiped when the step ends: a fast run prints nothing, a slow one leaves nothing behind.
final class Progress: Sendable {
  private enum State { case waiting, shown, finished }

  private static let patience = Duration.milliseconds(200)
  private static let eraseLine = "\r\u{1b}[2K"

  private let state = Mutex(State.waiting)
  private let channels: Channels

  private init(channels: Channels) { self.channels = channels }

  /// Runs a step under its description: "Unpacking XZ payload, 8.1 MiB".
  static func step<Result, Failure: Error>(
    _ description: String, channels: Channels, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard isatty(STDERR_FILENO) == 1 else { return try body() }
    let progress = Progress(channels: channels)
    let timer = Task.detached {
      try? await Task.sleep(for: patience)
      progress.show(description)
    }
    defer {
      timer.cancel()
      progress.finish()
    }
    return try body()
  }

  private func show(_ description: String) {
    state.withLock { state in
      guard state == .waiting else { return }
      state = .shown
      channels.complain(channels.diagnostics.paint("\(description) ...", .dim))
    }
  }

  private func finish() {
    state.withLock { state in
      if state == .shown { channels.complain(Self.eraseLine) }
      state = .finished
    }
  }
}
