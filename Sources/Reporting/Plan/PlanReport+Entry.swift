import Addresses
import BootProtocols

extension PlanReport {
  /// What is not zero, for people; everything, for programs.
  static func entry(_ state: LongModeState) -> Section {
    let registers = state.registers.named
    var facts = [Fact("rip", "rip", .address(state.rip))]
    facts += registers.filter { $0.value != 0 }.map { Fact($0.name, $0.name, .address($0.value), for: .people) }
    facts += [
      Fact(
        "registers", "", .spelled(text: "", json: .object(registers.map { .init($0.name, .address($0.value)) })),
        for: .programs),
      Fact("rflags", "rflags", .address(state.rflags)),
      Fact("cr0", "cr0", flags(state.cr0, BitNames.cr0)),
      Fact("cr3", "cr3", .address(state.cr3)),
      Fact("cr4", "cr4", flags(state.cr4, BitNames.cr4)),
      Fact("efer", "efer", flags(state.efer, BitNames.efer)),
      Fact("codeSelector", "cs", .address(UInt64(state.codeSelector))),
      Fact("dataSelector", "ds es ss", .address(UInt64(state.dataSelector))),
      Fact(
        "gdt", "gdt",
        .spelled(
          text: "\(Hex.string(state.gdtBase)), limit \(Hex.string(UInt64(state.gdtLimit)))",
          json: .members(["base": .address(state.gdtBase), "limit": .count(UInt64(state.gdtLimit))]))),
    ]
    return Section("entry", title: "Entry state (whatever is not listed is zero)", .facts(facts))
  }

  private static func flags(_ value: UInt64, _ names: [(bit: UInt64, name: String)]) -> Value {
    let set = names.filter { value >> $0.bit & 1 == 1 }.map(\.name)
    return set.isEmpty ? .address(value) : .noted(.address(value), set.joined(separator: " "))
  }
}

/// The names of control bits (Intel SDM vol. 3A, 2.2.1 and 2.5).
private enum BitNames {
  static let cr0: [(bit: UInt64, name: String)] = [
    (0, "PE"), (1, "MP"), (2, "EM"), (3, "TS"), (4, "ET"), (5, "NE"), (16, "WP"), (18, "AM"), (29, "NW"), (30, "CD"),
    (31, "PG"),
  ]
  static let cr4: [(bit: UInt64, name: String)] = [
    (4, "PSE"), (5, "PAE"), (6, "MCE"), (7, "PGE"), (9, "OSFXSR"), (10, "OSXMMEXCPT"), (11, "UMIP"), (12, "LA57"),
    (16, "FSGSBASE"), (18, "OSXSAVE"), (20, "SMEP"), (21, "SMAP"),
  ]
  static let efer: [(bit: UInt64, name: String)] = [(0, "SCE"), (8, "LME"), (10, "LMA"), (11, "NXE")]
}
