import Addresses
import BootProtocols
import Placement

/// A plan whose entry another loader's code establishes, or which is entered without paging.
extension PlanReport {
  var prediction: Document {
    let sections = [image, pieces, entryPoint, registers] + remarks + [decisions]
    return Document(verb: "prediction", summary: predictionSummary, sections: sections)
  }

  private var predictionSummary: [String] {
    let count = plan.pieces.count
    return [
      "\(plan.loader.rawValue) reads it as \(plan.reading): \(count) piece\(count == 1 ? "" : "s"), entered at "
        + "\(Hex.string(plan.entry.address)) in \(plan.entry.mode.name).",
      remarksInShort,
    ]
  }

  private var remarksInShort: String {
    let count = plan.remarks.count
    guard count > 0 else { return "It boots without a remark." }
    return "It boots\(goesWrong ? ", but" : "; what nobody promises"): \(count) remark\(count == 1 ? "" : "s") below."
  }

  /// Whether a remark says that something will go wrong, and not only that nobody promises something.
  var goesWrong: Bool { plan.remarks.contains { $0.kind != .unspecified } }

  private var image: Section {
    Section(
      "image", title: "Image",
      .facts([
        Fact("loader", "loader", .text(plan.loader.rawValue)),
        Fact("reading", "read as", .text(plan.reading)),
        Fact("machine", "machine", .text(machine.text), for: .people),
        Fact("usableMemory", "", .size(machine.usable), for: .programs),
      ]))
  }

  private var entryPoint: Section {
    let mode = plan.entry.mode
    return Section(
      "entry", title: "Entry",
      .facts([
        Fact("mode", "mode", .spelled(text: mode.name, json: .string(mode.rawValue))),
        Fact("address", "address", .address(plan.entry.address)),
      ]))
  }

  private var registers: Section {
    let rows = plan.entry.registers.map { [Value.text($0.name), $0.value.value, .text($0.meaning)] }
    return Section(
      "registers", title: "Registers (any other may hold anything)",
      .grid(Grid([.init("name", "register"), .init("value", "value"), .init("meaning", "meaning")], rows: rows)))
  }
}

extension Remark {
  var json: JSONValue {
    .members(["kind": .string(kind.rawValue), "sentence": .string(sentence), "rule": rule.json])
  }
}

extension EntryState.Register.Value {
  /// The number; "unspecified", for people and programs, where nobody promises one.
  var value: Value {
    switch self {
    case .exactly(let number): .address(number)
    case .unspecified: .text("unspecified")
    }
  }
}
