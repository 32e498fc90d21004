import AddressSpace
import Addresses
import PageTables

/// All that the tables behind one or two roots map, as a document: `perch walk`.
public struct RunsReport: Sendable {
  private let context: WalkContext
  /// In ascending order of virtual address.
  private let tables: [VisitedTables]

  public init(_ context: WalkContext, _ tables: [VisitedTables]) {
    self.context = context
    self.tables = tables
  }

  /// A line for each run, for each problem, and for what is not shown.
  public var lines: [String] {
    var lines = tables.flatMap { $0.found.runs.map { $0.line() } }
    for tables in tables {
      lines += tables.found.problems.map {
        "problem: \(Hex.string($0.virtual.value)): \($0.sentence(tables.root.format))"
      }
    }
    if runCount > shownCount { lines.append("not shown: \(runCount - shownCount) runs") }
    if !isComplete { lines.append("not complete: the limit of tables was reached") }
    return lines
  }

  public var document: Document {
    Document(verb: "walk", summary: summary, sections: context.sections + [totals, problems, runs])
  }

  private func sum(_ number: (VisitedTables) -> Int) -> UInt64 {
    tables.reduce(UInt64(0)) { $0 + UInt64(number($1)) }
  }

  private var runCount: UInt64 { sum(\.found.runCount) }
  private var shownCount: UInt64 { sum(\.found.runs.count) }
  private var problemCount: UInt64 { sum(\.summary.problemCount) }
  private var mappedBytes: UInt64 { tables.reduce(UInt64(0)) { $0 &+ $1.found.mappedBytes } }
  private var isComplete: Bool { tables.allSatisfy(\.summary.isComplete) }

  private var summary: [String] {
    let visited = sum(\.summary.visitedTables)
    guard runCount > 0 || problemCount > 0 else {
      return ["Nothing is mapped: \(counted(visited, "table")) looked at."]
    }
    var sentences = [
      "\(counted(runCount, "run")) \(runCount == 1 ? "maps" : "map") \(Size.human(mappedBytes)) through "
        + "\(counted(visited, "table"))."
    ]
    let both = sum(\.found.writableExecutableRuns)
    let bytes = tables.reduce(UInt64(0)) { $0 &+ $1.found.writableExecutableBytes }
    sentences.append(
      both == 0
        ? "No run is writable and executable."
        : "\(counted(both, "run")) \(both == 1 ? "is" : "are") writable and executable (W+X): \(Size.human(bytes)).")
    if problemCount > 0 {
      sentences.append("\(counted(problemCount, "problem")) in the tables.")
    }
    if !isComplete { sentences.append("The limit of tables was reached: not everything was looked at.") }
    return sentences
  }

  private func counted(_ count: UInt64, _ noun: String) -> String {
    "\(Decimal.grouped(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  private var totals: Section {
    let bytes = tables.reduce(UInt64(0)) { $0 &+ $1.found.writableExecutableBytes }
    return Section(
      "totals", title: "Totals",
      .facts([
        Fact("tables", "tables", .count(sum(\.summary.visitedTables))), Fact("runs", "runs", .count(runCount)),
        Fact("shownRuns", "shown", .count(shownCount)), Fact("mappedBytes", "mapped", .size(mappedBytes)),
        Fact("writableExecutableRuns", "W+X runs", .count(sum(\.found.writableExecutableRuns))),
        Fact("writableExecutableBytes", "W+X", .size(bytes)),
        Fact("problems", "problems", .count(problemCount)), Fact("isComplete", "complete", .flag(isComplete)),
      ]), for: .programs)
  }

  private var problems: Section {
    let rows = tables.flatMap { tables in
      tables.found.problems.map { problem -> [Value] in
        let format = tables.root.format
        return [
          .address(problem.virtual), .text(format.mode.name(of: problem.level)), .text(problem.kind),
          .address(problem.entryAddress), .address(problem.value), .text(problem.sentence(format)),
        ]
      }
    }
    let columns: [Grid.Column] = [
      .init("virtual", "virtual from"), .init("level", "level"), .init("kind", "", for: .programs),
      .init("entryAddress", "entry at"), .init("entry", "entry"), .init("sentence", "what is wrong"),
    ]
    let hidden = problemCount - UInt64(rows.count)
    return Section(
      "problems", title: "Problems", .grid(Grid(columns, rows: rows)),
      notes: hidden == 0 ? [] : ["\(Decimal.grouped(hidden)) more are not shown"],
      for: rows.isEmpty ? .programs : .everyone)
  }

  private var runs: Section {
    let rows = tables.flatMap { $0.found.runs.map { Stretch($0).row(context.memoryTypes) } }
    let hidden = runCount - shownCount
    return Section(
      "runs", title: "Runs: what is mapped, with the rights that all levels leave",
      .grid(Grid(Stretch.columns, rows: rows)),
      notes: hidden == 0
        ? [] : ["\(counted(hidden, "more run")) not shown: --limit shows more"])
  }
}
