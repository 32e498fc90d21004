public import AddressSpace
import Addresses
import PageTables
import Placement

extension Verifier {
  /// Walks the live tables from a CR3 and compares them with an address space, in both directions: what is planned is
  /// mapped as planned, and nothing else is mapped.
  public mutating func compareTranslations(from cr3: UInt64, with space: AddressSpace) {
    let format = PagingFormat(space.mode)
    let root = PhysicalAddress(truncating: cr3).alignedDown(to: .page4KiB)
    let tables = TranslationTables(format: format, memory: memory, root: root)
    var comparison = TranslationComparison(intents: space.mappings, format: format, report: report)
    let walk = tables.forEachRun { comparison.take($0) }
    comparison.finish()
    report = comparison.report
    for problem in walk.problems {
      report.note(
        .tableEntry, at: "virtual \(hex(problem.virtual)), entry at physical \(hex(problem.entryAddress))",
        expected: "an entry that can be followed", found: "\(hex(problem.value)) (\(Self.describe(problem.reason)))")
    }
  }

  /// Asks QEMU's own walker for the first and the last page of every mapping.
  public mutating func askWalker(of machine: QEMUMachine, about space: AddressSpace) throws(MachineError) {
    for intent in space.mappings {
      guard let last = intent.virtual.last else { continue }
      try ask(machine, intent.virtual.start, about: intent)
      try ask(machine, last.alignedDown(to: .page4KiB), about: intent)
    }
  }

  private mutating func ask(
    _ machine: QEMUMachine, _ address: VirtualAddress, about intent: MappingIntent
  ) throws(MachineError) {
    let expected = intent.physical.value &+ (address.value &- intent.virtual.start.value)
    let found = try machine.physicalAddress(of: address)
    report.addressesAsked += 1
    guard found?.value != expected else { return }
    report.note(
      .otherWalker, at: "virtual \(hex(address))", owner: intent.name, expected: hex(expected),
      found: found.map { hex($0) } ?? "not mapped")
  }

  private static func describe(_ reason: WalkFault.Reason) -> String {
    switch reason {
    case .notCovered: "not canonical"
    case .notPresent: "not present"
    case .reservedBits(let bits): "reserved bits \(hex(bits)) are set"
    case .outsideMemory: "outside memory"
    case .recursion(let level): "back to the table of level \(level.rawValue) on the way to it"
    case .tableLimit: "too many tables: the walk ends here"
    }
  }
}
