/// One page: a line of `info tlb`.
struct MonitorPage: Equatable {
  var virtual: UInt64
  var physical: UInt64
  /// X: no execution, G: global, P: a large page, D: dirty, A: accessed, C: cache disabled, T: write-through, U: user,
  /// W: writable; all as the leaf entry has them, whatever the levels above it say.
  var flags: Set<Character>
}

extension MonitorPage {
  /// The answer to `info tlb`, which only x86 has: every present leaf of the tables, in the order of addresses.
  ///
  ///     0000000010004000: 0000000002000000 -G-DACTUW
  ///
  /// The size of a large page is not shown.
  static func x86(_ answer: String) throws -> [MonitorPage] {
    let lines = MonitorLine.lines(of: answer, to: "info tlb")
    if lines.count == 1, lines[0].text == "PG disabled" { throw lines[0].error("paging is off") }
    return try lines.map(x86)
  }

  private static func x86(_ line: MonitorLine) throws -> MonitorPage {
    let words = try line.words(3)
    guard words[0].last == ":" else { throw line.error("no colon behind the virtual address") }
    let virtual = try line.number(words[0].dropLast())
    let entry = try line.number(words[1])
    let flags = try line.flags(words[2], columns: "XGPDACTUW")
    // With PAE, QEMU leaves NX (bit 63) in what it prints as the physical address.
    let noExecute: UInt64 = 1 << 63
    guard entry & noExecute == 0 || flags.contains("X") else { throw line.error("bit 63 of a page that has no X") }
    return MonitorPage(virtual: virtual, physical: entry & ~noExecute, flags: flags)
  }
}

/// The answer to `gva2gpa ADDRESS`, on every processor: a physical address, or nil where nothing is mapped.
///
///     gpa: 0x2000123
func monitorTranslation(_ answer: String) throws -> UInt64? {
  let lines = MonitorLine.lines(of: answer, to: "gva2gpa")
  guard lines.count == 1 else {
    throw MonitorAnswerError(command: "gva2gpa", line: 0, text: answer, reason: "\(lines.count) lines instead of one")
  }
  if lines[0].text == "Unmapped" { return nil }
  let words = try lines[0].words(2)
  // The format is %#x, which writes zero without its prefix.
  let digits = words[1] == "0" ? "0" : words[1].hasPrefix("0x") ? words[1].dropFirst(2) : ""
  guard words[0] == "gpa:", let address = hexadecimal(digits) else { throw lines[0].error("not 'gpa: 0x…'") }
  return address
}
