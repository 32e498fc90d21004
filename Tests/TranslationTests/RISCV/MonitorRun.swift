import Addresses
import PageTables

extension MonitorRange {
  /// The same as the longest ranges. QEMU ends a line with its table, at a hole, and where the next page lies elsewhere
  /// or has other flags; Perch goes on from table to table, but ends a run where the size of pages changes. Joining
  /// what follows each other in both spaces with the same flags takes both differences away.
  static func joined(_ ranges: [MonitorRange]) -> [MonitorRange] {
    ranges.reduce(into: []) { joined, next in
      guard let last = joined.last, let physical = last.physical, last.endExclusive == next.start, next.start != 0,
        last.flags == next.flags, next.physical == physical + (last.endExclusive &- last.start)
      else { return joined.append(next) }
      joined[joined.count - 1].endExclusive = next.endExclusive
    }
  }

  /// One of Perch's runs as QEMU shows it: the leaf's flags. `run` is read with SUM, so that S-mode's rights are those
  /// of the leaf but for execution, and without A and D set by hardware, so that pages without A have no rights.
  /// D is seen only on writable pages, which without it would not be; Perch sets it on no others.
  static func riscv(_ run: TranslationRun) -> MonitorRange {
    let rights = run.rights
    var flags: Set<Character> = []
    if rights.contains(.supervisorRead) { flags.insert("r") }
    if rights.contains(.supervisorWrite) { flags.formUnion("wd") }
    if rights.isExecutable { flags.insert("x") }
    if rights.isUser { flags.insert("u") }
    if run.attributes.isGlobal { flags.insert("g") }
    if !rights.isEmpty { flags.insert("a") }
    return MonitorRange(
      start: run.virtual.start.value, endExclusive: run.virtual.endValue, physical: run.physical.value, flags: flags)
  }
}
