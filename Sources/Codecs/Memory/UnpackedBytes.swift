public import Addresses
import Glibc

/// The bytes that a stream unpacked to: one page-aligned buffer, written once, readable for as long as this lives.
///
/// Sharing it between tasks is sound because nothing writes it after it was made: the pages are read-only.
@safe
public final class UnpackedBytes: @unchecked Sendable {
  private let base: UnsafeRawPointer
  private let mapped: Int
  /// How many bytes there are.
  public let count: ByteCount
  /// How much of the input the streams took up; what follows is the appended size word, padding, or somebody else's.
  public let inputConsumed: ByteCount

  /// The caller hands over a readable mapping of `mapped` bytes, of which the first `count` are meant.
  @unsafe
  init(owning base: UnsafeRawPointer, mapped: Int, count: Int, inputConsumed: Int) {
    unsafe self.base = base
    self.mapped = mapped
    self.count = ByteCount(UInt64(count))
    self.inputConsumed = ByteCount(UInt64(inputConsumed))
  }

  /// Lends the bytes to `body`.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: 1. the first `count` bytes are mapped and initialised; 2. nothing writes them while this object lives;
    // 3. the object outlives the call, and the span cannot leave it.
    let span = unsafe RawSpan(_unsafeStart: base, byteCount: Int(count.value))
    defer { extendLifetime(self) }
    return try body(span)
  }

  deinit {
    // SAFETY: the mapping is this object's own, and spans into it ended with the calls they were lent to.
    _ = unsafe munmap(UnsafeMutableRawPointer(mutating: base), mapped)
  }
}
