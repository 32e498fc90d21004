import AddressSpace
import Addresses
import Placement

/// The sections that every plan has, whoever's it is.
extension PlanReport {
  /// In the loader's order: where two overlap, the later one wins.
  var pieces: Section {
    var columns: [Grid.Column] = [
      .init("source", "", for: .programs),
      .init("from", "from file", for: .people),
      .init("file", "", for: .programs),
      .init("module", "", for: .programs),
      .init("blob", "", for: .programs),
      .init("destination", "", for: .programs),
      .init("extent", "physical", for: .people),
      .init("size", "size", for: .people),
      .init("zeroFill", "", for: .programs),
      .init("zeros", "zero fill", for: .people),
      .init("resident", "", for: .programs),
      .init("owner", "owner"),
    ]
    // The page tables of Perch's own plans would be most of the document.
    let hasBytes = plan.longMode == nil
    if hasBytes { columns.append(.init("bytes", "", for: .programs)) }
    let rows = plan.pieces.map { row($0) + (hasBytes ? [bytes(of: $0.source)] : []) }
    let order = plan.loader == .perch ? "" : ", in the loader's order (a later one overwrites an earlier)"
    return Section("pieces", title: "Pieces: which bytes go where\(order)", .grid(Grid(columns, rows: rows)))
  }

  private func row(_ piece: Piece) -> [Value] {
    sourceValues(piece) + [
      .range(piece.destination), .range(piece.extent), Self.unlessZero(piece.destination.count), .size(piece.zeroFill),
      Self.unlessZero(piece.zeroFill), .flag(piece.isResident), .text(piece.owner),
    ]
  }

  private static func unlessZero(_ count: ByteCount) -> Value { count == .zero ? .none : .size(count) }

  /// Kind, digest, file range, module index, blob name.
  private func sourceValues(_ piece: Piece) -> [Value] {
    switch piece.source {
    case .image(let range):
      let from = piece.isResident ? Value.noted(.range(range), "in place") : .range(range)
      return [.text("image"), from, .range(range), .none, .none]
    case .module(let index):
      let name = modules.indices.contains(index) ? modules[index] : "module \(index)"
      return [.text("module"), .text(name), .none, .count(index), .none]
    case .blob(let index):
      let name = plan.blobs.indices.contains(index) ? plan.blobs[index].name : "blob \(index)"
      let maker = plan.loader == .perch ? "Perch" : "the loader"
      return [.text("blob"), .text("made by \(maker)"), .none, .none, .text(name)]
    case .zero: return [.text("zero"), .none, .none, .none, .none]
    }
  }

  /// What the loader makes, as far as it is known.
  private func bytes(of source: Piece.Source) -> Value {
    guard case .blob(let index) = source, plan.blobs.indices.contains(index) else { return .none }
    return .text(Hex.bytes(plan.blobs[index].bytes))
  }

  var decisions: Section {
    let choices = plan.decisions.map { decision in
      Choice(
        decision.subject, choice: decision.choice, because: decision.because,
        rejected: decision.rejected.map { .init($0.candidate, $0.reason) })
    }
    return Section("decisions", title: "Decisions", .choices(choices))
  }

  /// Usable memory and its end: what a person wants to know of the machine.
  var machine: (usable: UInt64, text: String) {
    let usable = plan.machine.usable
    let total = usable.reduce(UInt64(0)) { $0 &+ $1.count.value }
    let top = usable.last.map { Hex.end(start: $0.start.value, count: $0.count.value) } ?? "0x0"
    return (total, "\(Size.human(total)) usable below \(top)")
  }

  var remarks: [Section] {
    let rows = plan.remarks.map { remark -> [Value] in
      [.text(remark.kind.rawValue), .text(remark.sentence), .spelled(text: "", json: remark.rule.json)]
    }
    let columns: [Grid.Column] = [.init("kind", ""), .init("sentence", ""), .init("rule", "")]
    let choices = plan.remarks.map { Choice($0.kind.name, choice: $0.sentence, because: $0.rule.line, rejected: []) }
    let title = "Remarks: what \(goesWrong ? "goes wrong" : "nobody promises")"
    return [
      Section("remarksRead", title: title, .choices(choices), for: .people),
      Section("remarks", title: "Remarks", .grid(Grid(columns, rows: rows)), for: .programs),
    ]
  }
}
