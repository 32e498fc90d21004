import Addresses
import BootProtocols
import Loaders
import Placement
import Reporting
import TestSupport
import Testing

/// What `perch diff` finds between predictions made by hand.
@Suite struct LoaderComparisonTests {
  typealias Made = SyntheticPrediction

  static func compare(_ first: LoaderOutcome, _ second: LoaderOutcome) throws -> [JSONDocument] {
    let report = DiffReport(LoaderComparison(Made.verdict(.grubMultiboot, first), Made.verdict(.kexec, second)))
    let json = try PredictionReportTests.parsed(report.document)
    #expect(try Schemas.load("diff-1.0").violations(in: json) == [])
    let differences = json["result"]["differences"].elements
    #expect(report.isSame == differences.isEmpty)
    return differences
  }

  /// "bytes 0x1000-0x3000: 0x100000-0x102000 | -".
  static func lines(_ first: [Piece], _ second: [Piece]) throws -> [String] {
    try compare(.loads(Made.loads(first)), .loads(Made.loads(second))).map { row in
      "\(row["field"].string ?? "") \(text(row["subject"])): \(text(row["first"])) | \(text(row["second"]))"
    }
  }

  static func text(_ value: JSONDocument) -> String {
    switch value {
    case .object: "\(value["start"].string ?? "")-\(value["end"].string ?? "")"
    case .bool(let flag): "\(flag)"
    case .number(let number): "\(Int(number))"
    case .string(let string): string
    default: "-"
    }
  }

  @Test func likePredictionsAgree() throws {
    #expect(try Self.compare(.loads(Made.full), .loads(Made.full)) == [])
    #expect(try Self.compare(Made.refusal, Made.refusal) == [])
  }

  @Test func piecesThatAreCutOtherwiseAgree() throws {
    let whole = [Made.segment(file: 0x1000, at: 0x10_0000, count: 0x2000, zeros: 0x1000)]
    let parts = [
      Made.segment(file: 0x1800, at: 0x10_0800, count: 0x1800),
      Made.segment(file: 0x1000, at: 0x10_0000, count: 0x800),
      Piece(source: .zero, destination: Made.physical(0x10_2000, 0), zeroFill: ByteCount(0x1000), owner: "zeros"),
    ]
    #expect(try Self.lines(whole, parts) == [])
  }

  @Test func aSegmentThatMovedIsOneLine() throws {
    let first = [Made.segment(file: 0x1000, at: 0x10_0000, count: 0x2000, zeros: 0x1000)]
    let second = [Made.segment(file: 0x1000, at: 0x20_0000, count: 0x2000)]
    #expect(
      try Self.lines(first, second) == [
        "bytes 0x1000-0x3000: 0x100000-0x102000 | 0x200000-0x202000", "zeroFill 0x102000-0x103000: true | false",
      ])
  }

  /// Of 0x1000-0x3000 both have 0x1800-0x2000 at the same place; the first also has what is before, the second what is
  /// behind, and 0x2800-0x3000 only elsewhere.
  @Test func rangesAreCutWhereTheyDiffer() throws {
    let first = [
      Made.segment(file: 0x1000, at: 0x1000, count: 0x1000), Made.segment(file: 0x2800, at: 0x9000, count: 0x800),
    ]
    let second = [Made.segment(file: 0x1800, at: 0x1800, count: 0x1800)]
    #expect(
      try Self.lines(first, second) == [
        "bytes 0x1000-0x1800: 0x1000-0x1800 | -", "bytes 0x2000-0x2800: - | 0x2000-0x2800",
        "bytes 0x2800-0x3000: 0x9000-0x9800 | 0x2800-0x3000",
      ])
  }

  /// The order of two overlapping segments decides whose bytes stay.
  @Test func theLaterPieceWins() throws {
    let a = Made.segment(file: 0x1000, at: 0x10_0000, count: 0x2000)
    let b = Made.segment(file: 0x4000, at: 0x10_1000, count: 0x800)
    #expect(
      try Self.lines([a, b], [b, a]) == [
        "bytes 0x2000-0x2800: - | 0x101000-0x101800", "bytes 0x4000-0x4800: 0x101000-0x101800 | -",
      ])
  }

  @Test func modulesAndVerdicts() throws {
    let module = Piece(source: .module(0), destination: Made.physical(0x20_0000, 0x1000), owner: "module")
    #expect(try Self.lines([module], []) == ["module 0: 0x200000-0x201000 | -"])
    let verdict = try Self.compare(.loads(Made.full), Made.misbehaviour)
    #expect(verdict.map { $0["second"].string } == ["mustNotBeFed"])
  }

  /// eax is the same; edi, edx and esi are named by one only, which counts where the modes differ and it is not zero.
  @Test(arguments: [EntryState.Mode.protected32, .long64]) func entries(mode: EntryState.Mode) throws {
    let first = EntryState(
      mode: .protected32, address: 0x10,
      registers: [
        .init("eax", 1, ""), .init("ebx", 2, ""), .init("ecx", 3, ""), .init("esi", 9, "list"), .init("edi", 0, ""),
      ])
    let second = EntryState(
      mode: mode, address: 0x20,
      registers: [
        .init("eax", 1, ""), .init(unspecified: "ebx", ""), .init("ecx", 4, ""), .init(unspecified: "edx", ""),
      ])
    let rows = try Self.compare(.loads(Made.loads([], entry: first)), .loads(Made.loads([], entry: second)))
    let isSame = mode == .protected32
    #expect(
      rows.map { $0["field"].string } == (isSame ? [] : ["mode"]) + ["address"]
        + Array(repeating: "register", count: isSame ? 2 : 4))
    #expect(
      rows.map { Self.text($0["first"]) } == (isSame ? [] : ["protected32"]) + ["0x10", "0x2", "0x3"]
        + (isSame ? [] : ["0x9", "-"]))
    #expect(
      rows.map { Self.text($0["second"]) } == (isSame ? [] : ["long64"]) + ["0x20", "unspecified", "0x4"]
        + (isSame ? [] : ["-", "unspecified"]))
  }

  /// Destinations at the end of the address space, and thousands of pieces one over the other, end.
  @Test func anyPiecesAreCompared() throws {
    let top = [
      Made.segment(file: 0, at: .max - 0x10, count: 0x1000, zeros: .max), Made.segment(file: .max - 1, at: 5, count: 9),
    ]
    func differences(_ first: [Piece], _ second: [Piece]) -> Int {
      LoaderComparison(
        Made.verdict(.kexec, .loads(Made.loads(first))), Made.verdict(.kexec, .loads(Made.loads(second)))
      ).differences.count
    }
    #expect(differences(top, top) == 0)
    let many = (0..<20_000).map { Made.segment(file: UInt64($0), at: 0x10_0000 + UInt64($0) * 3 % 1000, count: 0x1000) }
    #expect(differences(many, many) == 0)
    #expect(differences(many, top) > 0)
  }
}
