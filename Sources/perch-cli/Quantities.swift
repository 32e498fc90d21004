import Addresses
import ArgumentParser

/// A size as people write it: `512M`, `4G`, `0x20000000`.
struct SizeArgument: ExpressibleByArgument, Equatable {
  let count: ByteCount

  init?(argument: String) {
    let suffixes: [(Character, UInt64)] = [("K", 10), ("M", 20), ("G", 30), ("T", 40)]
    var digits = argument.uppercased()
    if digits.hasSuffix("IB") { digits.removeLast(2) }
    var shift: UInt64 = 0
    if let last = digits.last, let suffix = suffixes.first(where: { $0.0 == last }) {
      shift = suffix.1
      digits.removeLast()
    }
    guard let value = parseInteger(digits) else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else { return nil }
    count = ByteCount(product)
  }

  init(_ count: ByteCount) { self.count = count }

  var defaultValueDescription: String { "\(count.value >> 20)M" }
}

/// An address or another number: decimal, or hexadecimal behind `0x`.
struct NumberArgument: ExpressibleByArgument, Equatable {
  let value: UInt64

  init?(argument: String) {
    guard let value = parseInteger(argument) else { return nil }
    self.value = value
  }
}

func parseInteger(_ text: some StringProtocol) -> UInt64? {
  let lower = text.lowercased()
  if lower.hasPrefix("0x") { return UInt64(lower.dropFirst(2), radix: 16) }
  return UInt64(lower)
}

/// Where the image goes: an address, `any`, `linked`, or `in-place`.
enum PhysicalArgument: ExpressibleByArgument, Equatable {
  case any
  case linked
  case inPlace
  case at(UInt64)

  init?(argument: String) {
    switch argument {
    case "any": self = .any
    case "linked": self = .linked
    case "in-place": self = .inPlace
    default:
      guard let value = parseInteger(argument) else { return nil }
      self = .at(value)
    }
  }
}

/// Whether and from what seed the place is drawn.
enum RandomizationArgument: ExpressibleByArgument, Equatable {
  case off
  case random
  case seed(UInt64)

  init?(argument: String) {
    switch argument {
    case "off": self = .off
    case "random": self = .random
    default:
      guard let value = parseInteger(argument) else { return nil }
      self = .seed(value)
    }
  }
}

/// A time as people write it: `30s`, `2m`, `500ms`; a bare number is in seconds.
struct DurationArgument: ExpressibleByArgument, Equatable {
  let duration: Duration
  let text: String

  init?(argument: String) {
    let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000)]
    let unit = units.first { argument.hasSuffix($0.0) }
    guard let number = Int64(argument.dropLast(unit?.0.count ?? 0)), number > 0, number <= 86_400_000 else {
      return nil
    }
    let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit?.1 ?? 1000)
    guard !overflow else { return nil }
    duration = .milliseconds(milliseconds)
    text = argument
  }

  init(_ duration: Duration) {
    self.duration = duration
    text = "\(duration.components.seconds)s"
  }

  var defaultValueDescription: String { text }
}
