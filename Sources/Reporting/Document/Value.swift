public import Addresses

/// One fact, typed, so that both renderers know how to spell it.
public indirect enum Value: Sendable {
  /// Nothing to say: a dash, or null.
  case none
  case text(String)
  /// A number of things.
  case count(UInt64)
  /// A number of bytes.
  case size(UInt64)
  /// A number of bytes that people also want to see in hexadecimal.
  case hexSize(UInt64)
  /// An address, an offset or a word of flags.
  case address(UInt64)
  /// A signed distance.
  case distance(Int64)
  /// A half-open range.
  case range(start: UInt64, count: UInt64)
  case flag(Bool)
  /// A number of hundredths and its unit: "8.98 bits".
  case hundredths(Int64, unit: String)
  case access(Access)
  case list([Value])
  /// A value with something to add in text; JSON has the value only.
  case noted(Value, String)
  /// A value painted in text.
  case painted(Value, Role)
  /// Two spellings that no other case gives.
  case spelled(text: String, json: JSONValue)
}

extension Value {
  public static func address(_ address: some Address) -> Value { .address(address.value) }
  public static func size(_ count: ByteCount) -> Value { .size(count.value) }
  public static func range(_ range: AddressRange<some Address>) -> Value {
    .range(start: range.start.value, count: range.count.value)
  }
  public static func count(_ count: Int) -> Value { .count(UInt64(count)) }

  /// The value, or nothing where there is none.
  public static func optional(_ value: Value?) -> Value { value ?? .none }

  var isNone: Bool {
    if case .none = self { true } else { false }
  }
}
