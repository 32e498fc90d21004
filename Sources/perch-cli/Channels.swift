import Glibc
import Reporting

/// The two streams of the tool: results go to standard output, everything else to standard error.
///
/// A reader that closes the pipe (`perch … | head`) ends the process by SIGPIPE, as it ends other tools.
struct Channels: Sendable {
  let results: Style
  let diagnostics: Style

  init(color: ColorChoice) {
    results = Self.style(color, of: STDOUT_FILENO)
    diagnostics = Self.style(color, of: STDERR_FILENO)
  }

  private static func style(_ color: ColorChoice, of descriptor: Int32) -> Style {
    let isTerminal = isatty(descriptor) == 1
    var size = winsize()
    // SAFETY: TIOCGWINSZ writes one winsize, which lives through the call.
    let status = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size)
    let columns = status == 0 && size.ws_col > 0 ? Int(size.ws_col) : 120
    return Style(color, isTerminal: isTerminal, columns: columns, environment: environment)
  }

  /// Writes a result, whole.
  func write(_ text: String) throws(Failure) {
    if let number = Self.write(text, to: STDOUT_FILENO) {
      // SAFETY: the C library answers any number with a NUL-terminated string, copied at once.
      let reason = unsafe String(cString: strerror(number))
      throw Failure(
        .hostLacks, Diagnostic(code: 502, "cannot write the result: \(reason)", at: .init(path: "standard output")))
    }
  }

  /// Writes a result where nothing can be done about a failure.
  func tryWrite(_ text: String) { _ = Self.write(text, to: STDOUT_FILENO) }

  /// Writes a guest's bytes as they are: a character may come in two pieces.
  func tryWrite(_ bytes: [UInt8]) {
    // SAFETY: the pointer is used only inside the closure.
    _ = unsafe bytes.withUnsafeBufferPointer { unsafe Self.write($0, to: STDOUT_FILENO) }
  }

  /// Writes to standard error; when that fails there is nobody left to tell.
  func complain(_ text: String) { _ = Self.write(text, to: STDERR_FILENO) }

  func report(_ diagnostic: Diagnostic) { complain(diagnostic.text(style: diagnostics)) }

  private static func environment(_ name: String) -> String? {
    // SAFETY: the name is NUL-terminated for the time of the call; the answer is copied at once, and nothing in this
    // process changes the environment.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  private static func write(_ text: String, to descriptor: Int32) -> Int32? {
    var text = text
    // SAFETY: the pointer is used only inside the closure.
    return text.withUTF8 { unsafe write($0, to: descriptor) }
  }

  /// Writes everything; the error number where that fails.
  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) -> Int32? {
    var done = 0
    while done < bytes.count {
      // SAFETY: the offset is below the buffer's count, so that there is a base address and the rest lies inside.
      let written = unsafe Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return written < 0 ? errno : ENOSPC }
      done += written
    }
    return nil
  }
}
