import BareMachine

/// The tests that the kernel puts itself to, a line for each.
struct SelfTests {
  struct Outcome {
    fileprivate enum Kind { case passed, waived, failed }
    fileprivate let kind: Kind
    fileprivate let why: Line

    static var passed: Outcome { Outcome(kind: .passed, why: "") }
    /// What cannot hold, and why that is as somebody asked.
    static func waived(_ why: Line) -> Outcome { Outcome(kind: .waived, why: why) }
    static func failed(_ why: Line) -> Outcome { Outcome(kind: .failed, why: why) }
  }

  private var passed = 0
  private var waived = 0
  private var failures: Line = ""

  mutating func report(_ name: Line, _ outcome: Outcome) {
    switch outcome.kind {
    case .passed:
      passed += 1
      SerialLine.say("self-test: \(name): ok")
    case .waived:
      waived += 1
      SerialLine.say("self-test: \(name): waived (\(outcome.why))")
    case .failed:
      failures += failures.isEmpty ? name : ", \(name)"
      SerialLine.say("self-test: \(name): FAILED (\(outcome.why))")
    }
  }

  /// A test that only says whether it holds.
  mutating func report(_ name: Line, _ holds: Bool, else why: @autoclosure () -> Line) {
    report(name, holds ? .passed : .failed(why()))
  }

  /// The last line of all.
  var verdict: Power.Verdict {
    guard failures.isEmpty else {
      SerialLine.say("verdict: FAILED: \(failures)")
      return .failed
    }
    let rest: Line = waived == 0 ? "" : ", \(waived) waived"
    SerialLine.say("verdict: \(passed) self-tests passed\(rest)")
    return .good
  }
}
