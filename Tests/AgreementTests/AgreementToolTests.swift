import Foundation
import Loaders
import Placement
@testable import RealLoaders
import Synchronization
import TestSupport
import Testing

/// The runner, over a judge that wants numbers below 50 and crashes at 5.
@Suite struct AgreementToolTests {
  struct Number: Shrinkable, Sendable {
    var value: UInt64
    var smaller: [Number] { value == 0 ? [] : [Number(value: value / 2), Number(value: value - 1)] }
    var description: String { "\(value)" }
  }

  struct Crash: Error {}

  /// What the fake loader was run on.
  final class Log: Sendable {
    private let numbers = Mutex<[UInt64]>([])
    var seen: [UInt64] { numbers.withLock { $0 } }
    func add(_ value: UInt64) { numbers.withLock { $0.append(value) } }
  }

  struct FakeJudge: Judge {
    var name = "fake"
    var loaders: [LoaderName] = []
    var counts = ImageCounts(full: 6, quick: 2)
    var batch = 4
    var missing: String?
    var named: [NamedImage<Number>] = [
      NamedImage("small", Number(value: 1)), NamedImage("slow", Number(value: 2), isCheap: false),
    ]
    var limit: UInt64 = 100
    let log = Log()

    func draw(_ random: inout SeededGenerator) -> Number { Number(value: random.draw(20...49)) }

    func verdicts(on images: [Number]) throws -> [Verdict] {
      if images.contains(where: { $0.value == 5 }) { throw Crash() }
      return images.map { image in
        log.add(image.value)
        if image.value >= limit { return .disagrees("\(image.value) is not below \(limit)") }
        return image.value == 2 ? .notFed("2 is odd") : .agrees
      }
    }
  }

  private func table(
    _ judges: [FakeJudge], _ state: AgreementState? = nil, _ change: (inout AgreementOptions) -> Void = { _ in }
  ) throws -> AgreementTable {
    var options = AgreementOptions()
    change(&options)
    return AgreementRun(judges, options, state: try state ?? AgreementState(file: nil, tool: "1")).table()
  }

  @Test func countsNamedImagesAndSeeds() throws {
    let table = try table([FakeJudge()])
    #expect(table.isGood)
    // Two with a name, six drawn; one of them is not fed.
    #expect(
      "\(table)" == """
        loader  images  agreed  not fed  disagreed
        fake         8       7        1          0
        """)
  }

  @Test func quickTakesTheCheapOnes() throws {
    #expect(try table([FakeJudge()]) { $0.isQuick = true }.rows[0].images == 1 + 2)
    #expect(try table([FakeJudge()]) { $0.images = 31 }.rows[0].images == 2 + 31)
  }

  @Test func picksByPartOfTheName() throws {
    var other = FakeJudge()
    other.name = "Other one"
    let table = try table([FakeJudge(), other]) {
      $0.names = ["other"]
      $0.jobs = 2
    }
    #expect(table.rows.map(\.judge) == ["Other one"])
  }

  /// 8 named and drawn images; what the first run learned is not asked again, also when its last line is cut off.
  @Test func goesOnWhereItWas() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("deep/state.jsonl")
    func state(_ tool: String = "1", isFresh: Bool = false) throws -> AgreementState {
      try AgreementState(file: file, tool: tool, isFresh: isFresh)
    }
    func asked(_ state: AgreementState) throws -> Int {
      let judge = FakeJudge()
      #expect(try table([judge], state).rows[0].images == 8)
      return judge.log.seen.count
    }
    #expect(try asked(state()) == 8)
    #expect(try asked(state()) == 0)
    let text = try String(contentsOf: file, encoding: .utf8)
    try String(text.dropLast(10)).write(to: file, atomically: true, encoding: .utf8)
    #expect(try asked(state()) == 1)
    #expect(try asked(state()) == 0)
    #expect(try asked(state("2")) == 8)
    #expect(try asked(state("2", isFresh: true)) == 8)
  }

  /// At most three are made small; 25 is the least number that is not below 25.
  @Test func shrinksWhatDisagrees() throws {
    var judge = FakeJudge()
    judge.limit = 25
    let table = try table([judge]) { $0.images = 100 }
    let row = table.rows[0]
    #expect(!table.isGood)
    #expect(row.disagreed > 3)
    #expect(row.examples.map(\.text) == ["25", "25", "25"])
    #expect(row.examples[0].problem == "25 is not below 25")
    #expect(row.examples[0].label.hasPrefix("seed "))
    #expect("\(table)".contains("fake: \(row.disagreed - 3) more disagreements"))
  }

  /// The others of its batch keep their verdicts.
  @Test func aCrashIsADisagreement() throws {
    var judge = FakeJudge()
    judge.named.append(NamedImage("crash", Number(value: 5)))
    let row = try table([judge]).rows[0]
    #expect((row.agreed, row.notFed, row.disagreed) == (7, 1, 1))
    #expect(row.examples.map(\.label) == ["crash"])
    #expect(row.examples[0].problem == "Crash()")
  }

  @Test(arguments: [false, true]) func aLoaderMayBeMissing(mustRun: Bool) throws {
    var judge = FakeJudge()
    judge.missing = "nobody fetched it"
    let table = try table([judge]) { $0.mustRun = mustRun }
    #expect(table.isGood == !mustRun)
    #expect("\(table)".contains("fake    skipped: nobody fetched it"))
  }

  /// The values are of the algorithm's authors (draft-eastlake-fnv, appendix C).
  @Test func theFingerprintIsFNV1a() {
    #expect(ToolFingerprint.of(Data()) == "cbf29ce484222325")
    #expect(ToolFingerprint.of(Data("foobar".utf8)) == "85944171f73967e8")
  }
}
