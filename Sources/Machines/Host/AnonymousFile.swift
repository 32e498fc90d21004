public import Addresses
import CHost
import Glibc

/// A file without a name that lives in memory: it needs no folder, no cleaning up, and ends with its last user, also
/// when that user is killed.
///
/// Its bytes are mapped into this process, and an emulator gets its descriptor.
///
/// `@safe`: the pointer is private, and every use of it states why it holds.
@safe public final class AnonymousFile {
  let descriptor: Int32
  public let size: ByteCount
  private let base: UnsafeMutableRawPointer

  /// Makes a file of zeros.
  ///
  /// - Parameter label: what the kernel shows in /proc; it names nothing.
  /// - Throws: ``MachineError/system(call:errno:)``.
  public init(label: String, size: ByteCount) throws(MachineError) {
    guard let length = Int(exactly: size.value), length > 0 else {
      throw MachineError.unsupportedMemorySize(size, allowed: "a file has 1 to 2⁶³ - 1 bytes")
    }
    // SAFETY: the label is a NUL-terminated string for the length of the call.
    let opened = unsafe perch_anonymous_file(label, Int64(length))
    guard opened >= 0 else { throw MachineError.system(call: "memfd_create", errno: -opened) }
    // SAFETY: the address is the kernel's choice, so that no other memory is touched.
    let mapping = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, opened, 0)
    guard let mapping = unsafe mapping, unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1) else {
      let error = systemError("mmap")
      close(opened)
      throw error
    }
    descriptor = opened
    self.size = size
    unsafe base = mapping
  }

  deinit {
    // SAFETY: 1. `base` is this object's own mapping of `size` bytes; 2. spans of it cannot outlive the closures below.
    unsafe munmap(base, Int(size.value))
    close(descriptor)
  }

  /// Calls `body` with all bytes. An emulator that has the file may be changing them, unless it is stopped.
  public func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: 1. the mapping is `size` bytes long and lives as long as self; 2. the span cannot leave the closure.
    try unsafe body(UnsafeRawBufferPointer(start: base, count: Int(size.value)).bytes)
  }

  /// The number at an offset, which need not be aligned. For the many small reads of a page walk: no closure, one check.
  func load<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, at offset: Int) -> Number {
    let room = Int(size.value) - MemoryLayout<Number>.size
    precondition(offset >= 0 && offset <= room, "a read outside the file")
    // SAFETY: 1. the mapping is `size` bytes long and lives as long as self; 2. the line above keeps the read inside it;
    // 3. every bit pattern is an integer.
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: Number.self)
  }

  /// Calls `body` with all bytes, to be filled before an emulator gets the file.
  public func withMutableBytes<Result, Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: as above, and 3. nobody else in this process holds a span of the file: the callers of this type do not
    // nest the two.
    let buffer = unsafe UnsafeMutableRawBufferPointer(start: base, count: Int(size.value))
    var span = unsafe buffer.mutableBytes
    return try body(&span)
  }
}
