import Addresses

/// Walks the fields of an ELF structure: addresses are as wide as the file's class, everything else is as declared.
struct WordCursor {
  private(set) var offset: UInt64
  let order: ByteOrder
  let `class`: ELFClass
  /// What the fields belong to, where there are several: "program header" and its index.
  let structure: StaticString?
  let index: Int

  init(
    offset: UInt64, order: ByteOrder = .little, class: ELFClass, structure: StaticString? = nil, index: Int = 0
  ) {
    self.offset = offset
    self.order = order
    self.class = `class`
    self.structure = structure
    self.index = index
  }

  mutating func next<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, of bytes: RawSpan, field: StaticString
  ) throws(ParseError) -> Value {
    Value(truncatingIfNeeded: try word(of: MemoryLayout<Value>.size, in: bytes, field: field))
  }

  mutating func address(of bytes: RawSpan, field: StaticString) throws(ParseError) -> UInt64 {
    try word(of: `class` == .bits64 ? 8 : 4, in: bytes, field: field)
  }

  /// Called, not inlined: there are some fifty fields.
  @inline(never)
  private mutating func word(of size: Int, in bytes: RawSpan, field: StaticString) throws(ParseError) -> UInt64 {
    guard bytes.holds(UInt64(size), at: offset) else {
      throw ParseError(
        .truncated, field: name(field), at: offset, found: UInt64(bytes.byteCount),
        allowed: .atLeast(offset &+ UInt64(size)))
    }
    var word: UInt64 = 0
    for position in 0..<UInt64(size) {
      let place = order == .little ? UInt64(size) - 1 - position : position
      word = word << 8 | UInt64(bytes.load(UInt8.self, at: offset &+ place) ?? 0)
    }
    offset &+= UInt64(size)
    return word
  }

  private func name(_ field: StaticString) -> Sentence {
    if let structure { "\(structure) \(index): \(field)" } else { "\(field)" }
  }
}
