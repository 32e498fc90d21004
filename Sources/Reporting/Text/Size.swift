/// Sizes for people.
public enum Size {
  private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// "0 B", "812 B", "4 KiB", "44.1 MiB": the largest unit that leaves at least one, one decimal unless it is exact,
  /// rounded to nearest.
  public static func human(_ bytes: UInt64) -> String {
    var unit = 0
    while unit + 1 < units.count, bytes >> (10 * UInt64(unit + 1)) != 0 { unit += 1 }
    let shift = 10 * UInt64(unit)
    let whole = bytes >> shift
    let rest = bytes & ((1 << shift) - 1)
    guard rest != 0 else { return "\(whole) \(units[unit])" }
    // At most 2¹⁰ units of 2⁶⁰ bytes: divide the rest first so that the product cannot overflow.
    let scaled = shift >= 10 ? rest >> (shift - 10) : rest
    let tenths = whole * 10 + (scaled * 10 + 512) >> 10
    guard tenths < 10240 || unit + 1 == units.count else { return "1.0 \(units[unit + 1])" }
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }

  /// "4 KiB", "2 MiB", "1 GiB" with their plural: "14 × 2 MiB".
  static func times(_ count: UInt64, _ bytes: UInt64) -> String { "\(Decimal.grouped(count)) × \(human(bytes))" }
}

/// Decimal numbers without a locale.
public enum Decimal {
  /// "8.98" from 898.
  public static func string(hundredths: Int64) -> String {
    let magnitude = hundredths.magnitude
    let rest = magnitude % 100
    return "\(hundredths < 0 ? "-" : "")\(magnitude / 100).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// "202,917".
  public static func grouped(_ value: UInt64) -> String {
    var text = ""
    let digits = String(value)
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// The base-2 logarithm in hundredths, rounded to nearest: the bits that choosing among `count` takes. None is 0.
  public static func log2Hundredths(_ count: UInt64) -> Int64 {
    guard count > 1 else { return 0 }
    let whole = 63 - count.leadingZeroBitCount
    // The mantissa in [1, 2); squaring it reads the logarithm's binary digits one by one.
    var mantissa = Double(count) / Double(sign: .plus, exponent: whole, significand: 1)
    var fraction = 0.0
    var weight = 0.5
    for _ in 0..<30 {
      mantissa *= mantissa
      if mantissa >= 2 {
        fraction += weight
        mantissa /= 2
      }
      weight /= 2
    }
    return Int64(whole) * 100 + Int64((fraction * 100).rounded())
  }
}
