/// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same cases on every machine.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  public mutating func pick<Values: Collection>(_ values: Values) -> Values.Element {
    values.randomElement(using: &self)!
  }

  public mutating func draw(_ range: ClosedRange<UInt64>) -> UInt64 { UInt64.random(in: range, using: &self) }

  /// True once in `count` draws.
  public mutating func oneIn(_ count: UInt64) -> Bool { draw(1...count) == 1 }
}

/// A case of a property that knows smaller ones. Its description is Swift, so that it can become a test.
public protocol Shrinkable: CustomStringConvertible {
  /// Cases that are smaller in one respect, those that are much smaller first. Each chain of them ends.
  var smaller: [Self] { get }
}

/// What breaks a property.
public struct Counterexample: CustomStringConvertible {
  public let seed: UInt64
  /// How often the case became smaller.
  public let shrinks: Int
  /// The smallest case that was found.
  public let text: String
  /// What is wrong with it.
  public let problem: String

  public var description: String { "seed \(seed), shrunk \(shrinks) times:\n\(text)\n→ \(problem)" }
}

/// Draws a case from each seed and looks whether the property holds; nil when it always does.
///
/// - Parameter problem: what is wrong with a case, or nil where the property holds.
public func counterexample<Case: Shrinkable>(
  seeds: Range<UInt64>, from draw: (inout SeededGenerator) -> Case, problem: (Case) -> String?
) -> Counterexample? {
  for seed in seeds {
    var generator = SeededGenerator(seed: seed)
    let first = draw(&generator)
    guard let found = problem(first) else { continue }
    let small = shrink(first, found, problem: problem)
    return Counterexample(seed: seed, shrinks: small.shrinks, text: small.text, problem: small.problem)
  }
  return nil
}

/// Follows the first smaller case that fails too, until none does; at most `tries` cases are tried.
public func shrink<Case: Shrinkable>(
  _ start: Case, _ found: String, tries: Int = 1000, problem: (Case) -> String?
) -> (shrinks: Int, text: String, problem: String) {
  var best = (value: start, problem: found)
  var shrinks = 0
  var tries = tries
  var isShrinking = true
  while isShrinking {
    isShrinking = false
    for candidate in best.value.smaller where tries > 0 {
      tries -= 1
      guard let found = problem(candidate) else { continue }
      best = (candidate, found)
      shrinks += 1
      isShrinking = true
      break
    }
  }
  return (shrinks, best.value.description, best.problem)
}

extension UInt64 {
  /// "0xffff_8000_0000_0000".
  public var swiftText: String {
    var digits = String(self, radix: 16)
    var groups: [Substring] = []
    while digits.count > 4 {
      groups.insert(digits.suffix(4)[...], at: 0)
      digits.removeLast(4)
    }
    return "0x" + ([digits[...]] + groups).joined(separator: "_")
  }
}
