import Addresses
public import PageTables

/// Takes the runs of a visit, and keeps no more than a report can show.
public struct RunCollector: RunConsumer, Sendable {
  /// How many runs are kept.
  public let limit: Int
  public private(set) var runs: [TranslationRun] = []
  /// The first problems.
  public private(set) var problems: [WalkFault] = []
  /// All runs, kept or not.
  public private(set) var runCount = 0
  public private(set) var mappedBytes: UInt64 = 0
  public private(set) var writableExecutableRuns = 0
  public private(set) var writableExecutableBytes: UInt64 = 0

  public init(limit: Int) { self.limit = limit }

  public mutating func consume(_ run: TranslationRun) {
    runCount += 1
    // Runs are disjoint stretches of 64-bit addresses; their sum is at most 2⁶⁴.
    mappedBytes &+= run.virtual.count.value
    if run.rights.isWritableAndExecutable {
      writableExecutableRuns += 1
      writableExecutableBytes &+= run.virtual.count.value
    }
    if runs.count < limit { runs.append(run) }
  }

  public mutating func consume(_ problem: WalkFault) {
    if problems.count < VisitedTables.problemLimit { problems.append(problem) }
  }
}

/// What was found behind one root.
public struct VisitedTables: Sendable {
  public var root: WalkContext.Root
  public var found: RunCollector
  public var summary: VisitSummary

  public init(root: WalkContext.Root, found: RunCollector, summary: VisitSummary) {
    self.root = root
    self.found = found
    self.summary = summary
  }

  /// How many problems are kept; all are counted.
  public static var problemLimit: Int { WalkReport.problemLimit }
}
