import Addresses

/// Walks the fields of an ELF structure: addresses are as wide as the file's class, everything else is as declared.
struct WordCursor {
  private(set) var offset: UInt64
  let order: ByteOrder
  let `class`: ELFClass

  init(offset: UInt64, order: ByteOrder = .little, class: ELFClass) {
    self.offset = offset
    self.order = order
    self.class = `class`
  }

  mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, of bytes: RawSpan, field: @autoclosure () -> Sentence
  ) throws(ParseError) -> Value {
    let value = try bytes.read(type, at: offset, order: order, field: field())
    offset &+= UInt64(MemoryLayout<Value>.size)
    return value
  }

  mutating func address(of bytes: RawSpan, field: @autoclosure () -> Sentence) throws(ParseError) -> UInt64 {
    switch `class` {
    case .bits32: UInt64(try next(UInt32.self, of: bytes, field: field()))
    case .bits64: try next(UInt64.self, of: bytes, field: field())
    }
  }
}
