import Addresses

/// Which end of an integer comes first (System V gABI, ch. 4, EI_DATA).
public enum ByteOrder: UInt8, Hashable, Sendable {
  case little = 1
  case big = 2
}

extension RawSpan {
  /// Reads an integer of either byte order at any alignment, or says which field the bytes ended before.
  func read<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at offset: UInt64, order: ByteOrder, field: @autoclosure () -> Sentence
  ) throws(ParseError) -> Value {
    let value = try read(type, at: offset, field: field())
    return order == .little ? value : value.byteSwapped
  }
}
