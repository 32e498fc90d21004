import AddressSpace
import Addresses
import PageTables
import Placement

extension PlanReport {
  /// The machine's memory map: long, and known to whoever passed it, so it is for programs.
  static func memory(_ plan: LoadPlan) -> Section {
    let rows = plan.machine.entries.map { entry -> [Value] in
      [.range(entry.range), .text(entry.kind.name), .count(UInt64(entry.kind.rawValue))]
    }
    let columns: [Grid.Column] = [.init("range", "range"), .init("kind", "kind"), .init("type", "type")]
    return Section("memory", title: "Memory", .grid(Grid(columns, rows: rows)), for: .programs)
  }

  static func mappings(_ plan: LoadPlan) -> Section {
    let columns: [Grid.Column] = [
      .init("virtual", "virtual"),
      .init("physicalStart", "physical", for: .people),
      .init("physical", "", for: .programs),
      .init("size", "size", for: .people),
      .init("access", "access"),
      .init("accessReason", "", for: .programs),
      .init("cache", "", for: .programs),
      .init("cacheIfUnusual", "cache", for: .people),
      .init("pages", "pages"),
      .init("name", "name"),
    ]
    let mappings = plan.addressSpace.mappings
    return Section(
      "mappings", title: "Mappings: what the kernel sees when it is entered",
      .grid(Grid(columns, rows: mappings.map { row($0, in: plan.addressSpace.mode) })), notes: notes(mappings))
  }

  private static func row(_ intent: MappingIntent, in mode: PagingMode) -> [Value] {
    let reason = intent.access.reason.map { Value.text($0) }
    let cache = intent.cache == .writeBack ? "write-back" : "uncacheable"
    return [
      .range(intent.virtual), .address(intent.physical), .range(intent.physicalRange), .size(intent.virtual.count),
      .access(intent.access), .optional(reason), .text(cache),
      intent.cache == .writeBack ? .none : .text(cache), pages(intent, in: mode), .text(intent.name),
    ]
  }

  private static func pages(_ intent: MappingIntent, in mode: PagingMode) -> Value {
    let counts = PageCounts(intent, in: mode)
    return .spelled(text: counts.text, json: counts.json)
  }

  private static func notes(_ mappings: [MappingIntent]) -> [String] {
    var notes: [String] = []
    for intent in mappings {
      if let reason = intent.access.reason { notes.append("\(intent.name) is writable and executable: \(reason)") }
      if intent.isIncongruent {
        notes.append(
          "\(intent.name) has no 2 MiB page: its virtual and physical address differ modulo 2 MiB "
            + "(\(Hex.string(intent.virtual.start.value & PageSize.size2MiB.alignment.mask)) and "
            + "\(Hex.string(intent.physical.value & PageSize.size2MiB.alignment.mask)))")
      }
    }
    return notes
  }

  static func pageTables(_ plan: LoadPlan) -> Section {
    let levels = zip(plan.addressSpace.mode.levelNames, plan.pageTables.framesByLevel)
    let text = levels.map { "\($0) \(Decimal.grouped(UInt64($1)))" }.joined(separator: ", ")
    let json = JSONValue.array(
      levels.map { .members(["level": .string($0), "frames": .count(UInt64($1))]) })
    let frames = UInt64(plan.pageTables.frames)
    return Section(
      "pageTables", title: "Page tables",
      .facts([
        Fact("frames", "frames", .noted(.count(frames), Size.human(frames << 12))),
        Fact("levels", "by level", .spelled(text: text, json: json)),
      ]))
  }
}
