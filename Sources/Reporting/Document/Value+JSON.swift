import Addresses

extension Value {
  /// How the value is written for programs: addresses as hexadecimal strings, sizes and counts as numbers.
  public var json: JSONValue {
    switch self {
    case .none: .null
    case .text(let string): .string(string)
    case .count(let count), .size(let count), .hexSize(let count): .count(count)
    case .address(let value): .address(value)
    case .distance(let distance): .string(Hex.signed(distance))
    case .range(let start, let count):
      .members([
        "start": .address(start), "end": .string(Hex.end(start: start, count: count)), "size": .count(count),
      ])
    case .flag(let flag): .bool(flag)
    case .hundredths(let number, _): .hundredths(number)
    case .access(let access): .string(access.letters)
    case .list(let values): .array(values.map(\.json))
    case .noted(let value, _), .painted(let value, _): value.json
    case .spelled(_, let json): json
    }
  }
}
