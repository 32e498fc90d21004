import AddressSpace
import Addresses
public import PageTables

/// How one address is translated, level by level, as a document: `perch walk … ADDRESS`.
public struct TranslationReport: Sendable {
  private let context: WalkContext
  private let root: WalkContext.Root
  private let translation: Translation

  /// - Parameter root: the one of the context's roots whose tables translate the address.
  public init(_ context: WalkContext, root: WalkContext.Root, _ translation: Translation) {
    self.context = context
    self.root = root
    self.translation = translation
  }

  public var document: Document {
    Document(verb: "walk", summary: [summary], sections: context.sections + [steps, outcome])
  }

  private var summary: String {
    let address = Hex.string(translation.address.value)
    switch translation.outcome {
    case .mapped(let byte):
      return "\(address) is physical \(Hex.string(byte.physical.value)), in a page of "
        + "\(Size.human(byte.pageSize.byteCount.value)): \(byte.rights)."
    case .fault(let fault):
      return "\(address) is not translated: \(fault.sentence(root.format))."
    }
  }

  private var steps: Section {
    let columns: [Grid.Column] = [
      .init("level", "level"), .init("bits", "bits"), .init("index", "index"), .init("entryAddress", "entry at"),
      .init("entry", "entry"), .init("flags", "flags"), .init("takesAway", "takes away"),
      .init("meaning", "leads to"), .init("target", "", for: .programs),
    ]
    return Section(
      "steps", title: "Walk from \(root.register) \(Hex.string(root.value))",
      .grid(Grid(columns, rows: translation.steps.map(row))), notes: offsetNote)
  }

  private func row(_ step: TranslationStep) -> [Value] {
    let geometry = root.format.geometry
    let flags = root.format.flags(of: step.entry, at: step.level)
    let low = geometry.shift(of: step.level)
    let (meaning, target) = meaning(of: step)
    return [
      .text(root.format.mode.name(of: step.level)), .text("\(geometry.tableShift(of: step.level) - 1):\(low)"),
      .count(geometry.index(of: translation.address, at: step.level)), .address(step.entryAddress),
      .address(step.entry), Self.words(flags), Self.words(step.takesAway.words), .text(meaning), target,
    ]
  }

  private func meaning(of step: TranslationStep) -> (String, Value) {
    switch root.format.decode(step.entry, at: step.level) {
    case .absent: ("nothing", .none)
    case .table(let table): ("table \(Hex.string(table.value))", .address(table))
    case .page(let page, let size):
      ("page \(Hex.string(page.value)), \(Size.human(size.byteCount.value))", .address(page))
    case .reserved(let bits): ("nothing: reserved \(WalkFault.text(bits))", .none)
    }
  }

  private static func words(_ words: [String]) -> Value {
    words.isEmpty
      ? .spelled(text: "-", json: .array([]))
      : .spelled(text: words.joined(separator: " "), json: .array(words.map { .string($0) }))
  }

  private var offsetNote: [String] {
    guard case .mapped(let byte) = translation.outcome else { return [] }
    let mask = byte.pageSize.alignment.mask
    return ["offset in the page: bits \(byte.pageSize.rawValue - 1):0, \(Hex.string(translation.address.value & mask))"]
  }

  private var outcome: Section {
    var facts = [
      Fact("address", "address", .address(translation.address), for: .programs),
      Fact("register", "root", .text(root.register), for: .programs),
    ]
    switch translation.outcome {
    case .mapped(let byte): facts += self.facts(byte)
    case .fault(let fault): facts += self.facts(fault)
    }
    return Section("outcome", title: "Outcome", .facts(facts))
  }

  private func facts(_ byte: MappedByte) -> [Fact] {
    let attributes = byte.attributes
    var facts = [
      Fact("isMapped", "", .flag(true), for: .programs),
      Fact("physical", "physical", .address(byte.physical)),
      Fact("pageSize", "page size", .size(byte.pageSize.byteCount)),
      Fact("supervisor", "supervisor", byte.rights.supervisor), Fact("user", "user", byte.rights.user),
      Fact("writableAndExecutable", "W+X", .flag(byte.rights.isWritableAndExecutable)),
      Fact("memoryType", "memory type", attributes.memoryTypeValue(context.memoryTypes)),
      Fact("isGlobal", "global", .flag(attributes.isGlobal)),
      Fact("isContiguous", "contiguous", .flag(attributes.isContiguous), for: audience(attributes.isContiguous)),
      Fact("shareability", "", .count(UInt64(attributes.shareability)), for: .programs),
      Fact(
        "protectionKey", "protection key", .count(UInt64(attributes.protectionKey)),
        for: audience(attributes.protectionKey != 0)),
    ]
    if byte.rights.isEmpty {
      facts.append(Fact("remark", "remark", .text("every access faults: the accessed flag of the page is 0")))
    }
    return facts
  }

  private func audience(_ isWorthSaying: Bool) -> Audience { isWorthSaying ? .everyone : .programs }

  private func facts(_ fault: WalkFault) -> [Fact] {
    [
      Fact("isMapped", "", .flag(false), for: .programs), Fact("reason", "", .text(fault.kind), for: .programs),
      Fact("level", "", .text(root.format.mode.name(of: fault.level)), for: .programs),
      Fact("entryAddress", "", .address(fault.entryAddress), for: .programs),
      Fact("entry", "", .address(fault.value), for: .programs),
      Fact("sentence", "not translated", .text(fault.sentence(root.format))),
    ]
  }
}

extension Restrictions {
  /// What is not allowed below, in words.
  var words: [String] {
    if contains([.noSupervisorExecute, .noUserExecute]) { return common + ["execute"] }
    return common + (contains(.noSupervisorExecute) ? ["supervisor-execute"] : [])
      + (contains(.noUserExecute) ? ["user-execute"] : [])
  }

  private var common: [String] {
    (contains(.noWrite) ? ["write"] : []) + (contains(.noUser) ? ["user"] : [])
  }
}
