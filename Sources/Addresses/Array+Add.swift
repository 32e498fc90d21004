extension Array {
  /// `append`, called and not inlined: the library's takes a hundred bytes wherever it is used.
  @inlinable @inline(never) public mutating func add(_ element: consuming Element) { append(element) }
}
