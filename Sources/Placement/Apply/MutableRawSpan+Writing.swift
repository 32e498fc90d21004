// The fence around block writes to memory: copying and zeroing go through here.

extension MutableRawSpan {
  /// Writes the bytes of `source` to the start; bytes beyond the end of this span are left out.
  public mutating func copy(from source: RawSpan) {
    let count = min(source.byteCount, byteCount)
    guard count > 0 else { return }
    unsafe withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { bytes in
        // SAFETY: 1. both have `count` bytes; 2. exclusive access to this span rules out that they overlap.
        unsafe target.baseAddress.unsafelyUnwrapped.copyMemory(
          from: bytes.baseAddress.unsafelyUnwrapped, byteCount: count)
      }
    }
  }

  /// Writes zeros from `offset` to the end.
  public mutating func zero(from offset: Int) {
    guard offset >= 0, offset < byteCount else { return }
    unsafe withUnsafeMutableBytes { target in
      // SAFETY: the bytes from `offset` to the end of the span are inside it.
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...])
      _ = unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }
}
