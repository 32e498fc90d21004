import Glibc

/// A system call on a file that failed: which file, what was tried, and the system's answer.
public struct FileError: Error, Hashable, Sendable {
  public let path: String
  /// What was tried, as a verb that fits "cannot … PATH": "open", "read", "rename".
  public let operation: String
  /// The error number of `errno.h`.
  public let errno: Int32

  public init(path: String, operation: String, errno: Int32) {
    self.path = path
    self.operation = operation
    self.errno = errno
  }
}

extension FileError: CustomStringConvertible {
  /// The system's words for the error number: "No such file or directory".
  public var reason: String {
    // SAFETY: the C library answers any number with a NUL-terminated string that stays valid until this thread asks
    // again.
    unsafe String(cString: strerror(errno))
  }

  public var description: String { "cannot \(operation) \(path): \(reason)" }
}
