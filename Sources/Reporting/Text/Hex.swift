/// Hexadecimal numbers as Perch prints them everywhere: "0x" and lower-case digits.
public enum Hex {
  /// "0x1000".
  public static func string(_ value: UInt64) -> String { "0x" + digits(value) }

  /// At least `width` digits, filled with zeros, without a prefix.
  public static func digits(_ value: UInt64, width: Int = 1) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// "+0x1000", "-0x1000" or "0x0": a distance.
  public static func signed(_ value: Int64) -> String {
    guard value != 0 else { return "0x0" }
    return (value < 0 ? "-" : "+") + string(value.magnitude)
  }

  /// The end of a half-open range, which may be 2⁶⁴ and then needs a seventeenth digit.
  public static func end(start: UInt64, count: UInt64) -> String {
    let (end, overflow) = start.addingReportingOverflow(count)
    return overflow && end == 0 ? "0x10000000000000000" : string(end)
  }

  /// The bytes as digit pairs without separators, as tools print build identifiers.
  public static func bytes(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text += digits(UInt64(byte), width: 2) }
    return text
  }
}
