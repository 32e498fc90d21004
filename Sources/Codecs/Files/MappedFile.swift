public import Addresses
import Glibc

/// The bytes of a file: mapped read-only where the file can be mapped, read into memory where it cannot (a pipe, a
/// terminal, a file of `/proc`).
///
/// Sharing it between tasks is sound because nothing here writes the bytes. A regular file must not be truncated while
/// it is mapped: the pages behind its new end would fault, as they do for every tool that maps its input.
@safe
public final class MappedFile: Sendable {
  /// The path as it was given.
  public let path: String
  /// The size of the file when it was opened, in bytes.
  public let count: ByteCount
  private let storage: Storage

  private enum Storage: Sendable {
    case mapped(Int)
    case read([UInt8])
  }

  /// Opens and maps a file.
  ///
  /// - Parameters:
  ///   - path: the file; "-" and "/dev/stdin" are the standard input, whatever that is.
  ///   - cap: the most bytes that input without a size is read for; more is `EFBIG`.
  /// - Throws: `FileError`; a directory is `EISDIR`.
  public init(path: String, cap: ByteCount = .gibibytes(1)) throws(FileError) {
    self.path = path
    let descriptor = try Self.open(path)
    defer { close(descriptor) }
    let size = try Self.mappableSize(of: descriptor, path: path)
    if size > 0, let address = Self.map(descriptor, size: size) {
      storage = .mapped(address)
      count = ByteCount(UInt64(size))
    } else {
      let bytes = try Self.read(descriptor, path: path, cap: Int(clamping: cap.value))
      storage = .read(bytes)
      count = ByteCount(UInt64(bytes.count))
    }
  }

  /// Lends the bytes to `body`.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { extendLifetime(self) }
    switch storage {
    case .read(let bytes):
      // SAFETY: bytes are bytes; the array outlives the call.
      return try body(unsafe bytes.span.bytes)
    case .mapped(let address):
      // SAFETY: 1. the mapping is `count` bytes long and lives as long as this object, which outlives the call;
      // 2. the span cannot leave the call; 3. this process does not write the pages.
      return try body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(bitPattern: address)!, byteCount: Int(count.value)))
    }
  }

  deinit {
    guard case .mapped(let address) = storage else { return }
    // SAFETY: the mapping is this object's own, and spans into it ended with the calls they were lent to.
    _ = unsafe munmap(UnsafeMutableRawPointer(bitPattern: address), Int(count.value))
  }
}

extension MappedFile {
  private static func open(_ path: String) throws(FileError) -> Int32 {
    let isStandardInput = path == "-" || path == "/dev/stdin"
    // SAFETY: the path is passed as a NUL-terminated string for the time of the call.
    let descriptor = unsafe isStandardInput ? dup(STDIN_FILENO) : Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: "open", errno: errno) }
    return descriptor
  }

  /// The size of a regular file; 0 for what has none and must be read.
  private static func mappableSize(of descriptor: Int32, path: String) throws(FileError) -> Int {
    var status = stat()
    // SAFETY: the call fills a local variable.
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw FileError(path: path, operation: "examine", errno: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw FileError(path: path, operation: "read", errno: EISDIR)
    case S_IFREG: return Int(clamping: status.st_size)
    default: return 0
    }
  }

  /// Maps the file, or nil where its file system cannot.
  private static func map(_ descriptor: Int32, size: Int) -> Int? {
    // SAFETY: a new private, read-only mapping aliases no Swift value; the object that gets it unmaps it once.
    guard let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), unsafe address != MAP_FAILED
    else { return nil }
    return Int(bitPattern: address)
  }

  private static func read(_ descriptor: Int32, path: String, cap: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      // SAFETY: the call writes at most `count` bytes into the array.
      let got = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw FileError(path: path, operation: "read", errno: errno) }
      guard got > 0 else { return bytes }
      guard got <= cap - bytes.count else { throw FileError(path: path, operation: "read", errno: EFBIG) }
      bytes.append(contentsOf: chunk[..<got])
    }
  }
}
