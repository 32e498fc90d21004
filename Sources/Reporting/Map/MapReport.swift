import AddressSpace
import Addresses
import BootProtocols
import PageTables
public import Placement

/// What the tables of a plan will map, read from their bytes and not from the intents: `perch map`.
public struct MapReport: Sendable {
  private let plan: LoadPlan
  private let root: PhysicalAddress
  private let format: PagingFormat
  private let stretches: [OwnedStretch]
  private let found: RunCollector
  private let summaryOfVisit: VisitSummary
  /// Where the tables and the intents differ, a sentence each. Empty, unless Perch has a defect.
  public let disagreements: [String]

  /// Walks the plan's tables; nil where no piece of the plan holds the root, or where it is entered without any.
  public init?(_ plan: LoadPlan) {
    guard let state = plan.longMode, let memory = Self.tables(of: plan, root: state.cr3) else { return nil }
    self.plan = plan
    root = state.cr3
    let format = X86_64Format(
      fiveLevels: plan.addressSpace.mode == .x86_64FiveLevel,
      controls: X86Controls(cr0: state.cr0, cr4: state.cr4, efer: state.efer))
    self.format = .x86_64(format)
    // As many runs as a plan has pages would be possible; a plan that is made of intents has few.
    var found = RunCollector(limit: .max)
    summaryOfVisit = TranslationTables(format: format, memory: memory, root: root).visit(&found)
    self.found = found
    var comparison = IntentComparison(plan.addressSpace, .x86_64(format))
    stretches = found.runs.flatMap { comparison.split(Stretch($0)) }
    comparison.finish()
    disagreements = comparison.disagreements + found.problems.map { $0.sentence(.x86_64(format)) }
  }

  /// The bytes that the plan puts where the root register points.
  private static func tables(of plan: LoadPlan, root: PhysicalAddress) -> BytesTableMemory? {
    for piece in plan.pieces where piece.destination.contains(root) {
      guard case .blob(let index) = piece.source, plan.blobs.indices.contains(index) else { continue }
      return BytesTableMemory(base: piece.destination.start, bytes: plan.blobs[index].bytes)
    }
    return nil
  }

  /// A line for each run, as ``PageTables/TranslationRun/line(name:)`` has it: neighbours of several owners are one.
  public var lines: [String] {
    found.runs.map { Width.printable($0.line(name: $0.names(in: plan.addressSpace.mappings))) }
  }

  public var document: Document {
    Document(verb: "map", summary: summary, sections: [tables, disagreementSection, mappings])
  }

  private var summary: [String] {
    let both = found.writableExecutableRuns
    return [
      "\(plan.reading): \(stretches.count) stretches map \(Size.human(found.mappedBytes)) through "
        + "\(summaryOfVisit.visitedTables) tables.",
      both == 0
        ? "None is writable and executable."
        : "\(Size.human(found.writableExecutableBytes)) \(both == 1 ? "is" : "are") writable and executable (W+X).",
    ]
  }

  private var tables: Section {
    Section(
      "tables", title: "Page tables",
      .facts([
        Fact("register", "root", .text("CR3"), for: .programs),
        Fact("root", "CR3", .noted(.address(root), format.mode.title)),
        Fact("mode", "", .text(format.mode.identifier), for: .programs),
        Fact("tables", "tables", .count(summaryOfVisit.visitedTables)),
        Fact("mappedBytes", "mapped", .size(found.mappedBytes)),
        Fact("writableExecutableBytes", "W+X", .size(found.writableExecutableBytes)),
      ]))
  }

  private var disagreementSection: Section {
    Section(
      "disagreements", title: "Where the tables differ from the intents",
      .grid(Grid([.init("sentence", "")], rows: disagreements.map { [.text($0)] })),
      for: disagreements.isEmpty ? .programs : .everyone)
  }

  private var mappings: Section {
    let rows = stretches.map { $0.stretch.row(.pat(nil)) + [.optional($0.owner.map { .text($0.name) })] }
    let notes = plan.addressSpace.mappings.compactMap { intent in
      intent.access.reason.map { "\(intent.name) is writable and executable: \($0)" }
    }
    return Section(
      "mappings", title: "Mappings: what the tables say, with the rights that all levels leave",
      .grid(Grid(Stretch.columns + [.init("owner", "owner")], rows: rows)), notes: notes)
  }
}
