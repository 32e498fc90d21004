import Glibc

/// A file that is written as a whole or not at all: the bytes go to a temporary file beside the target, which takes the
/// target's name when `commit` is called and is removed when it is not.
///
/// A target that exists and is no regular file (a device, a pipe) is written to directly: there is nothing to replace.
public struct OutputFile: ~Copyable {
  private let path: String
  /// The file that is renamed to `target` at the end; nil where the target itself is being written.
  private let temporary: String?
  private let target: String
  private var descriptor: Int32

  /// - Parameter path: the file to write; "-" is the standard output. A symbolic link is followed, and stays one.
  public init(replacing path: String) throws(FileError) {
    self.path = path
    target = Self.resolved(path)
    // SAFETY: here as below, paths are passed as NUL-terminated strings for the time of the call.
    if path == "-" {
      temporary = nil
      descriptor = dup(STDOUT_FILENO)
    } else if Self.isSpecial(target) {
      temporary = nil
      descriptor = unsafe open(target, O_WRONLY | O_CLOEXEC)
    } else {
      let name = Self.temporaryName(beside: target)
      temporary = name
      descriptor = unsafe open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { throw FileError(path: path, operation: "create", errno: errno) }
  }

  /// Appends the bytes.
  public mutating func write(_ bytes: RawSpan) throws(FileError) {
    // SAFETY: the pointer is used only inside the call, while the span keeps the bytes alive.
    let failure = unsafe bytes.withUnsafeBytes { unsafe writeAll($0) }
    if let failure { throw FileError(path: path, operation: "write", errno: failure) }
  }

  /// Gives the file its name. Until then nothing of it is visible under that name.
  public consuming func commit() throws(FileError) {
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw FileError(path: path, operation: "write", errno: errno) }
    guard let temporary else { return }
    guard unsafe rename(temporary, target) == 0 else {
      throw FileError(path: path, operation: "rename to", errno: errno)
    }
  }

  /// Writes everything; the error number where that fails.
  @unsafe
  private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Int32? {
    var rest = unsafe bytes
    while unsafe !rest.isEmpty {
      // SAFETY: the call reads at most `count` bytes of the buffer.
      let written = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return written < 0 ? errno : ENOSPC }
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
    return nil
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    // After a successful rename the name is gone and the call finds nothing.
    if let temporary { unsafe unlink(temporary) }
  }
}

extension OutputFile {
  /// The path behind symbolic links; the path itself where it does not exist yet.
  private static func resolved(_ path: String) -> String {
    // SAFETY: the result is a NUL-terminated string of the call's own making, freed once.
    guard let name = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(name) }
    return unsafe String(cString: name)
  }

  private static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: the call fills a local variable.
    guard unsafe stat(path, &status) == 0 else { return false }
    return status.st_mode & S_IFMT != S_IFREG
  }

  /// A hidden name in the same directory, so that the rename stays inside one file system.
  private static func temporaryName(beside target: String) -> String {
    let split = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
    let unique = String(UInt64.random(in: 0 ... .max), radix: 36)
    // A name may have 255 bytes; the temporary one keeps a part that tells whose it is.
    return target[..<split] + "." + target[split...].prefix(32) + "." + unique + ".tmp"
  }
}

/// Writes the bytes to `path` as a whole or not at all. See `OutputFile`.
public func writeAtomically(to path: String, _ bytes: RawSpan) throws(FileError) {
  var file = try OutputFile(replacing: path)
  try file.write(bytes)
  try file.commit()
}

/// Writes the two runs of bytes, one after the other, to `path` as a whole or not at all. See `OutputFile`.
public func writeAtomically(to path: String, _ first: RawSpan, _ second: RawSpan) throws(FileError) {
  var file = try OutputFile(replacing: path)
  try file.write(first)
  try file.write(second)
  try file.commit()
}
