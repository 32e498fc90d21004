import Addresses
import Glibc

/// The bytes of a dump: a regular file, mapped read-only and never read as a whole.
///
/// The file must not be truncated while it is mapped: the pages behind its new end would fault.
///
/// `@safe`: the address is private to this folder, and every use of it states why it holds.
@safe final class DumpFile: Sendable {
  let path: String
  /// In bytes; at least 1.
  let size: UInt64
  /// Where the mapping starts.
  private let base: UInt

  init(path: String) throws(DumpError) {
    self.path = path
    // SAFETY: the path is a NUL-terminated string for the length of the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw DumpError.system(path: path, call: "open", errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    // SAFETY: the call fills a local variable.
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw DumpError.system(path: path, call: "fstat", errno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { throw DumpError.notMappable(path: path) }
    // SAFETY: a new private, read-only mapping at the kernel's choice aliases no Swift value; deinit unmaps it once.
    guard let mapping = unsafe mmap(nil, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0),
      unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1)
    else { throw DumpError.system(path: path, call: "mmap", errno: errno) }
    size = UInt64(status.st_size)
    base = UInt(bitPattern: mapping)
  }

  deinit {
    // SAFETY: the mapping is this object's own, and spans into it ended with the calls they were lent to.
    _ = unsafe munmap(UnsafeMutableRawPointer(bitPattern: base), Int(size))
  }

  /// The mapped address of a byte. The caller vouches that `offset` is inside the file.
  func address(of offset: UInt64) -> UInt { base + UInt(offset) }

  /// Lends all bytes to `body`.
  func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
    defer { extendLifetime(self) }
    // SAFETY: 1. the mapping is `size` bytes long and lives as long as this object, which outlives the call; 2. the span
    // cannot leave the call; 3. this process does not write the pages.
    return try body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(bitPattern: base)!, byteCount: Int(size)))
  }
}
