/// A run of pages with the same rights: one line of `info mem`.
struct MonitorRange: Equatable {
  var start: UInt64
  /// The first address behind the run; 0 when the run ends with the address space.
  var endExclusive: UInt64
  /// Where the run leads; only RISC-V's answer says so.
  var physical: UInt64?
  /// x86: u, r, w. RISC-V: r, w, x, u, g, a, d.
  var flags: Set<Character>
}

// MARK: x86

extension MonitorRange {
  /// The answer to `info mem` on x86.
  ///
  ///     0000000010003000-0000000010004000 0000000000001000 ur-
  ///
  /// The rights are those of all levels together: u and w only where every level grants them; r is always shown and NX
  /// never. Runs are merged in the order of the tables, so that one may reach across the hole of the non-canonical
  /// addresses (00007ffffffff000-ffff800000001000 0000000000002000); such a run becomes two.
  ///
  /// - Parameter virtualAddressBits: 32 without long mode, otherwise 48. QEMU 7.2 answers nothing at all with five
  ///   levels, whatever they map: ask `info tlb` there.
  static func x86(_ answer: String, virtualAddressBits: Int) throws -> [MonitorRange] {
    let lines = MonitorLine.lines(of: answer, to: "info mem")
    if lines.count == 1, lines[0].text == "PG disabled" { throw lines[0].error("paging is off") }
    return try lines.flatMap { try x86($0, virtualAddressBits: virtualAddressBits) }
  }

  private static func x86(_ line: MonitorLine, virtualAddressBits: Int) throws -> [MonitorRange] {
    let words = try line.words(3)
    let ends = words[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2 else { throw line.error("'\(words[0])' is not a range") }
    let (start, end, size) = (try line.number(ends[0]), try line.number(ends[1]), try line.number(words[1]))
    let flags = try line.flags(words[2], columns: "urw")
    guard flags.contains("r") else { throw line.error("a run that cannot be read") }
    let space = X86AddressSpace(bits: virtualAddressBits)
    let first = start & (space.size - 1)
    guard space.canonical(first) == start else { throw line.error("the start is not canonical") }
    guard size > 0, size <= space.size - first else { throw line.error("the run leaves the address space") }
    guard space.canonical(first + size) == end else { throw line.error("the ends and the size contradict each other") }
    return space.split(first, first + size).map {
      MonitorRange(start: space.canonical($0.0), endExclusive: space.end(of: $0.1), physical: nil, flags: flags)
    }
  }
}

/// How QEMU counts through an x86 address space: from 0 to its size, with the upper half's addresses made canonical
/// only when they are printed.
private struct X86AddressSpace {
  var bits: Int
  var size: UInt64 { 1 << UInt64(bits) }
  /// The first address of the upper half; nil where the space has no hole.
  var half: UInt64? { bits > 32 ? size / 2 : nil }

  /// As addr_canonical prints it: the end of the space has the half's bit clear and stays as it is.
  func canonical(_ address: UInt64) -> UInt64 {
    guard let half, address & half != 0 else { return address }
    return address | ~(size - 1)
  }

  func end(of address: UInt64) -> UInt64 {
    guard let half, address > half else { return address }
    return address == size ? 0 : canonical(address)
  }

  func split(_ start: UInt64, _ end: UInt64) -> [(UInt64, UInt64)] {
    guard let half, start < half, end > half else { return [(start, end)] }
    return [(start, half), (half, end)]
  }
}

// MARK: RISC-V

extension MonitorRange {
  /// The answer to `info mem` on RISC-V.
  ///
  ///     vaddr            paddr            size             attr
  ///     ---------------- ---------------- ---------------- -------
  ///     0000000010000000 0000000082000000 0000000000002000 r----ad
  ///
  /// Runs are pages that follow each other in both spaces with the same flags, which are the leaf entry's.
  static func riscv(_ answer: String) throws -> [MonitorRange] {
    let lines = MonitorLine.lines(of: answer, to: "info mem")
    guard let heading = lines.first else {
      throw MonitorAnswerError(command: "info mem", line: 0, text: answer, reason: "an empty answer")
    }
    guard heading.text.split(separator: " ") == ["vaddr", "paddr", "size", "attr"] else {
      throw heading.error("not the heading 'vaddr paddr size attr'")
    }
    guard lines.count > 1, lines[1].text.allSatisfy({ $0 == "-" || $0 == " " }) else {
      throw heading.error("no rule below the heading")
    }
    return try lines.dropFirst(2).map(riscv)
  }

  private static func riscv(_ line: MonitorLine) throws -> MonitorRange {
    let words = try line.words(4)
    let (start, physical, size) = (try line.number(words[0]), try line.number(words[1]), try line.number(words[2]))
    let end = start &+ size
    guard size > 0, end == 0 || end > start else { throw line.error("the run leaves the address space") }
    return MonitorRange(
      start: start, endExclusive: end, physical: physical, flags: try line.flags(words[3], columns: "rwxugad"))
  }
}
