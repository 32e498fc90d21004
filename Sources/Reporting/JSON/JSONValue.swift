/// A JSON text as a value (RFC 8259), with the project's conventions for numbers built in.
public enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  /// Exact in every reader: the magnitude is below 2⁵³.
  case integer(Int64)
  /// A number of hundredths, written with two decimals.
  case hundredths(Int64)
  case string(String)
  case array([JSONValue])
  /// Members in any order; the writer sorts them.
  case object([Member])

  public struct Member: Equatable, Sendable {
    public var key: String
    public var value: JSONValue
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }
}

extension JSONValue {
  /// The first count that a reader with 64-bit floating-point numbers may not hold exactly.
  public static var firstInexactCount: UInt64 { 1 << 53 }

  /// A count or a size: a number while every reader holds it exactly, its decimal digits as a string from 2⁵³ on.
  public static func count(_ value: UInt64) -> JSONValue {
    value < firstInexactCount ? .integer(Int64(value)) : .string(String(value))
  }

  /// An address, an offset, a register: a hexadecimal string, because readers round large numbers.
  public static func address(_ value: UInt64) -> JSONValue { .string(Hex.string(value)) }

  /// An object from pairs, in any order.
  public static func members(_ pairs: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(pairs.map { Member($0.key, $0.value) })
  }

  /// The value of a member, when this is an object that has it.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
}
