extension Array where Element == UInt8 {
  /// Lends the bytes of the array to a parser.
  public func withRawSpan<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // SAFETY: 1. a UInt8 has no padding, so every byte of the elements is initialised; 2. the span does not outlive the
    // array, which `self` keeps alive during the call.
    try unsafe body(span.bytes)
  }
}
