import Glibc

/// What the C library calls an errno value.
func errorText(_ number: Int32) -> String {
  // SAFETY: strerror returns a NUL-terminated string, which is copied before anybody can call it again on this thread.
  unsafe String(cString: strerror(number))
}

/// The most recent error of this thread as an error of `call`.
func systemError(_ call: String) -> MachineError { .system(call: call, errno: errno) }

/// Looks a program up the way a shell does; nil where no folder of `PATH` holds it as an executable.
func findProgram(_ name: String) -> String? {
  // SAFETY (here and below): access reads a NUL-terminated string for the length of the call.
  if name.contains("/") { return unsafe access(name, X_OK) == 0 ? name : nil }
  // SAFETY: getenv returns nil or a NUL-terminated string; nothing here changes the environment while it is copied.
  let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
  for folder in path.split(separator: ":") where folder.hasPrefix("/") {
    let candidate = "\(folder)/\(name)"
    if unsafe access(candidate, X_OK) == 0 { return candidate }
  }
  return nil
}

extension Duration {
  /// Whole milliseconds, rounded up, as poll(2) takes them.
  var milliseconds: Int32 {
    let (seconds, attoseconds) = components
    let value = seconds.multipliedReportingOverflow(by: 1000)
    guard !value.overflow, value.partialValue < Int64(Int32.max) - 1000 else { return seconds < 0 ? 0 : Int32.max }
    return Int32(max(0, value.partialValue + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
  }
}
