import AddressSpace
import Addresses
import BootProtocols
public import Placement

/// A `LoadPlan` as a document.
public struct PlanReport {
  let plan: LoadPlan
  /// The modules' names, where they are known.
  let modules: [String]

  public init(_ plan: LoadPlan, modules: [String] = []) {
    self.plan = plan
    self.modules = modules
  }

  /// The document of `perch plan`: a plan that Perch's own stub enters in 64-bit mode has mappings, page tables and every
  /// register; any other has what its loader promises.
  public var document: Document {
    guard let state = plan.longMode else { return prediction }
    var sections = [
      Self.image(plan, machine: machine.text), Self.memory(plan), pieces, Self.mappings(plan), Self.pageTables(plan),
      Self.entry(state),
    ]
    if let randomization = plan.randomization { sections.append(Self.randomization(randomization)) }
    if !plan.remarks.isEmpty { sections += remarks }
    sections.append(decisions)
    return Document(verb: "plan", summary: Self.summary(plan), sections: sections)
  }

  private static func summary(_ plan: LoadPlan) -> [String] {
    let bytes = plan.pieces.reduce(UInt64(0)) { $0 &+ $1.destination.count.value &+ $1.zeroFill.value }
    let slide = plan.slide == .none ? "where it was linked" : "\(Hex.signed(plan.slide.value)) from where it was linked"
    return [
      "\(plan.reading): \(plan.pieces.count) pieces, \(Size.human(bytes)), entered at "
        + "\(Hex.string(plan.entry.address)).",
      "The image lies at physical \(Value.range(plan.imageExtent).text) and runs \(slide).",
    ]
  }

  private static func image(_ plan: LoadPlan, machine: String) -> Section {
    var facts = [
      Fact("loader", "loader", .text(plan.loader.rawValue), for: .programs),
      Fact("description", "read as", .text(plan.reading)),
      Fact("machine", "machine", .text(machine), for: .people),
      Fact("extent", "image", .noted(.range(plan.imageExtent), Size.human(plan.imageExtent.count.value))),
      Fact("slide", "slide", .distance(plan.slide.value)),
    ]
    facts += relocations(plan.relocations)
    return Section("image", title: "Image", .facts(facts))
  }

  private static func relocations(_ relocations: Relocations) -> [Fact] {
    switch relocations {
    case .none:
      return [
        Fact("relocations", "relocations", .spelled(text: "none to apply", json: .members(["kind": .string("none")])))
      ]
    case .linuxTable(let table):
      let lists = [table.entries32, table.entriesInverse32, table.entries64].map { $0.count.value / 4 }
      let text =
        "\(Decimal.grouped(lists[0])) of 32 bits, \(Decimal.grouped(lists[1])) inverse, "
        + "\(Decimal.grouped(lists[2])) of 64 bits, delta \(Hex.signed(table.delta))"
      return [
        Fact("relocations", "relocations", .spelled(text: text, json: json(table, counts: lists)))
      ]
    case .dynamic(let tables):
      let rela = tables.rela.reduce(UInt64(0)) { $0 &+ $1.count.value / 24 }
      let relr = tables.relr.reduce(UInt64(0)) { $0 &+ $1.count.value / 8 }
      let text = "\(Decimal.grouped(rela)) RELA entries, \(Decimal.grouped(relr)) RELR words"
      return [Fact("relocations", "relocations", .spelled(text: text, json: json(tables)))]
    }
  }

  private static func json(_ table: LinuxRelocations, counts: [UInt64]) -> JSONValue {
    .members([
      "kind": .string("linuxTable"), "delta": .string(Hex.signed(table.delta)),
      "linkBase": .address(table.linkBase.value),
      "lists": .members([
        "add32": .count(counts[0]), "subtract32": .count(counts[1]), "add64": .count(counts[2]),
      ]),
    ])
  }

  private static func json(_ tables: DynamicRelocations) -> JSONValue {
    .members([
      "kind": .string("dynamic"), "slide": .string(Hex.signed(tables.slide.value)),
      "linkBase": .address(tables.linkBase.value),
      "rela": .array(tables.rela.map { Value.range($0).json }),
      "relr": .array(tables.relr.map { Value.range($0).json }),
    ])
  }

  private static func randomization(_ randomization: Randomization) -> Section {
    func bits(_ slots: UInt64) -> Value { .hundredths(Decimal.log2Hundredths(slots), unit: "bits") }
    func line(_ slots: UInt64) -> Value { .noted(.count(slots), bits(slots).text) }
    return Section(
      "randomization", title: "Randomisation",
      .facts([
        Fact("seed", "seed", .address(randomization.seed)),
        Fact("physicalSlots", "physical slots", line(randomization.physicalSlots)),
        Fact("physicalBits", "", bits(randomization.physicalSlots), for: .programs),
        Fact("virtualSlots", "virtual slots", line(randomization.virtualSlots)),
        Fact("virtualBits", "", bits(randomization.virtualSlots), for: .programs),
      ]))
  }
}

extension Diagnostic {
  /// Why there is no plan.
  public init(_ error: PlanError, path: String) {
    self.init(
      code: error.code.rawValue, error.sentence, at: Location(path: path), helps: error.help.map { [$0] } ?? [])
  }
}
