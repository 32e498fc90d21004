import AddressSpace
import Addresses
public import Loaders
import Placement

/// A `Prediction` as a document: the counterpart of ``PlanReport`` for other people's loaders.
public struct PredictionReport {
  let prediction: Prediction
  let request: LoaderRequest

  public init(_ prediction: Prediction, request: LoaderRequest) {
    self.prediction = prediction
    self.request = request
  }

  /// The document of `perch plan --loader`.
  public var document: Document {
    let sections = [
      image, pieces, Self.entry(prediction.entry), Self.registers(prediction.entry.registers),
      Self.remarksForPeople(prediction.remarks), Self.remarks(prediction.remarks),
      Self.decisions(prediction.decisions),
    ]
    return Document(verb: "prediction", summary: summary, sections: sections)
  }

  private var summary: [String] {
    let count = prediction.pieces.count
    let remarks = prediction.remarks.count
    return [
      "\(prediction.loader.rawValue) reads it as \(prediction.reading): \(count) piece\(count == 1 ? "" : "s"), entered at "
        + "\(Hex.string(prediction.entry.address)) in \(prediction.entry.mode.name).",
      remarks == 0 ? "It boots without a remark." : "It boots, but: \(remarks) remark\(remarks == 1 ? "" : "s") below.",
    ]
  }

  private var image: Section {
    let usable = request.machine.usable
    let total = usable.reduce(UInt64(0)) { $0 &+ $1.count.value }
    let top = usable.last.map { Hex.end(start: $0.start.value, count: $0.count.value) } ?? "0x0"
    return Section(
      "image", title: "Image",
      .facts([
        Fact("loader", "loader", .text(prediction.loader.rawValue)),
        Fact("reading", "read as", .text(prediction.reading)),
        Fact("machine", "machine", .text("\(Size.human(total)) usable below \(top)"), for: .people),
        Fact("usableMemory", "", .size(total), for: .programs),
      ]))
  }

  private static func entry(_ entry: LoaderEntry) -> Section {
    Section(
      "entry", title: "Entry",
      .facts([
        Fact("mode", "mode", .spelled(text: entry.mode.name, json: .string(entry.mode.rawValue))),
        Fact("address", "address", .address(entry.address)),
      ]))
  }

  private static func registers(_ registers: [LoaderEntry.Register]) -> Section {
    let rows = registers.map { [Value.text($0.name), $0.value.value, .text($0.meaning)] }
    return Section(
      "registers", title: "Registers (any other may hold anything)",
      .grid(Grid([.init("name", "register"), .init("value", "value"), .init("meaning", "meaning")], rows: rows)))
  }

  private static func remarks(_ remarks: [Remark]) -> Section {
    let rows = remarks.map { remark -> [Value] in
      [.text(remark.kind.rawValue), .text(remark.sentence), .spelled(text: "", json: remark.rule.json)]
    }
    let columns: [Grid.Column] = [.init("kind", ""), .init("sentence", ""), .init("rule", "")]
    return Section("remarks", title: "Remarks", .grid(Grid(columns, rows: rows)), for: .programs)
  }

  private static func remarksForPeople(_ remarks: [Remark]) -> Section {
    let choices = remarks.map { Choice($0.kind.name, choice: $0.sentence, because: $0.rule.line, rejected: []) }
    return Section("remarksRead", title: "Remarks: what goes wrong", .choices(choices), for: .people)
  }

  private static func decisions(_ decisions: [Decision]) -> Section {
    let choices = decisions.map { decision in
      Choice(
        decision.subject, choice: decision.choice, because: decision.because,
        rejected: decision.rejected.map { .init($0.candidate, $0.reason) })
    }
    return Section("decisions", title: "Decisions", .choices(choices))
  }
}

extension Remark {
  var json: JSONValue {
    .members(["kind": .string(kind.rawValue), "sentence": .string(sentence), "rule": rule.json])
  }
}

extension LoaderEntry.Register.Value {
  /// The number; "unspecified", for people and programs, where nobody promises one.
  var value: Value {
    switch self {
    case .exactly(let number): .address(number)
    case .unspecified: .text("unspecified")
    }
  }
}
