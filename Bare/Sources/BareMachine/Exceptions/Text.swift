public import Addresses

/// Numbers as `perch` prints them.
public enum Text {
  /// "0x1000"; with a width, zeros before the digits.
  public static func hexadecimal(_ value: UInt64, width: Int = 1) -> Line {
    let digits = max(width, (67 - value.leadingZeroBitCount) / 4)
    var bytes = [UInt8(ascii: "0"), UInt8(ascii: "x")]
    var place = digits
    while place > 0 {
      place -= 1
      bytes.add(digit(value >> (4 * UInt64(place)) & 15))
    }
    return Line(bytes)
  }

  private static func digit(_ value: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: value) + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
  }

  public static func decimal(_ value: UInt64) -> Line {
    var bytes: [UInt8] = []
    add(value, to: &bytes)
    return Line(bytes)
  }

  private static func add(_ value: UInt64, to bytes: inout [UInt8]) {
    if value >= 10 { add(value / 10, to: &bytes) }
    bytes.add(digit(value % 10))
  }

  /// A half-open range; one that ends at 2⁶⁴ has a seventeenth digit.
  public static func range<Position: Address>(_ range: AddressRange<Position>) -> Line {
    let end: Line = range.endValue == 0 && !range.isEmpty ? "0x10000000000000000" : hexadecimal(range.endValue)
    return "\(hexadecimal(range.start.value))-\(end)"
  }

  /// "+0x1000", "-0x1000" or "0x0": a distance.
  public static func signed(_ value: Int64) -> Line {
    value == 0 ? "0x0" : (value < 0 ? "-" : "+") + hexadecimal(value.magnitude)
  }

  /// "4 KiB", "44.1 MiB": the largest unit that leaves at least one, one decimal unless it is exact.
  public static func size(_ bytes: UInt64) -> Line {
    var unit = 0
    while unit < 6, bytes >> (10 * UInt64(unit + 1)) != 0 { unit += 1 }
    let shift = 10 * UInt64(unit)
    let rest = bytes & ((1 << shift) - 1)
    guard rest != 0 else { return "\(bytes >> shift) \(name(ofUnit: unit))" }
    // At most 2¹⁰ units of 2⁶⁰ bytes: the rest is divided first, so that the product cannot overflow.
    let tenths = (bytes >> shift) * 10 + ((rest >> (shift - 10)) * 10 + 512) >> 10
    guard tenths < 10240 || unit == 6 else { return "1.0 \(name(ofUnit: unit + 1))" }
    return "\(tenths / 10).\(tenths % 10) \(name(ofUnit: unit))"
  }

  private static func name(ofUnit unit: Int) -> Line {
    switch unit {
    case 0: "B"
    case 1: "KiB"
    case 2: "MiB"
    case 3: "GiB"
    case 4: "TiB"
    case 5: "PiB"
    default: "EiB"
    }
  }

  /// At least `width` bytes: spaces behind, or before.
  public static func padded(_ text: Line, _ width: Int, before: Bool = false) -> Line {
    let spaces = Line(repeating: UInt8(ascii: " "), count: max(0, width - text.count))
    return before ? spaces + text : text + spaces
  }
}
