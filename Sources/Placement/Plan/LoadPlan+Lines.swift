import AddressSpace
import Addresses
import BootProtocols
import PageTables

extension LoadPlan {
  /// The plan as short lines without their ends, the same on every machine: what `perch plan --format lines` prints, and a
  /// loader on its serial port. Ranges are half-open, numbers behind `0x` hexadecimal, others decimal; control characters
  /// are escaped.
  ///
  ///     reading: ELF64 x86-64 kernel, entered at its virtual entry point
  ///     memory 0x100000-0x8000000 usable
  ///     physical place: 0x200000: slot 0 of 63 where virtual and physical are congruent modulo 2 MiB
  ///       not in place: …
  ///     image 0x200000-0x20f030 slide 0x0
  ///     piece 0x200000-0x20f030 file 0x1000-0x10030 segment 0
  ///     mapping 0xffffffff80200000-0xffffffff80210000 -> 0x200000 r-x 4 KiB x 16 segment 0
  ///     page tables root 0x112000: PML4 1, PDPT 3, PD 3, PT 3: fnv1a64 0x93c1c44fda0b8f8f
  ///     entry rip 0xffffffff80200a70 rsp 0xfffffe0000011000 rdi 0xffff888000111000 cr3 0x112000 cr4 0x20
  ///     seed 0xb: 63 physical slots, 1 virtual slots
  ///     remark: …
  public func forEachLine(_ body: (String) -> Void) {
    func line(_ sentence: Sentence) { body(printable(sentence.text)) }
    line("reading: \(reading)")
    for entry in machine.entries { line("memory \(Self.digits(entry.range)) \(Self.text(entry.kind))") }
    for decision in decisions {
      line("\(decision.subject): \(decision.choice): \(decision.because)")
      for rejected in decision.rejected { line("  not \(rejected.candidate): \(rejected.reason)") }
    }
    line("image \(Self.digits(imageExtent)) slide \(Self.signed(slide.value))")
    for piece in pieces { line(Self.text(piece)) }
    for mapping in addressSpace.mappings { line("mapping \(mapping.line(in: addressSpace.tableFormat))") }
    if longMode != nil { line(pageTableLine) }
    line(entryLine)
    if let randomization {
      line(
        """
        seed \(hex: randomization.seed): \(randomization.physicalSlots) physical slots, \
        \(randomization.virtualSlots) virtual slots
        """)
    }
    for remark in remarks { line("remark: \(remark.sentence)") }
  }

  private static func text(_ kind: MemoryKind) -> Sentence {
    switch kind {
    case .usable, .reserved, .acpiReclaimable, .acpiNonVolatile, .unusable, .persistent: Sentence(kind.name)
    default: "type \(kind.rawValue)"
    }
  }

  /// Where the bytes come from, how many of the last are zeros, and whose they are.
  private static func text(_ piece: Piece) -> Sentence {
    var line: Sentence = "piece \(digits(piece.extent))"
    switch piece.source {
    case .image(let range): line += " file \(digits(range))"
    case .module(let index): line += " module \(index)"
    case .blob: line += " made"
    case .zero: break
    }
    if piece.isResident { line += " in place" }
    if piece.zeroFill > .zero { line += " zeros \(hex: piece.zeroFill)" }
    line += " \(piece.owner)"
    return line
  }

  private var pageTableLine: Sentence {
    var line: Sentence = "page tables root \(hex: longMode?.cr3.value ?? 0):"
    let count = pageTables.framesByLevel.count
    for (index, frames) in pageTables.framesByLevel.enumerated() {
      let name = addressSpace.mode.name(of: TableLevel(rawValue: count - index))
      line += "\(index == 0 ? "" : ",") \(name) \(frames)"
    }
    for piece in pieces {
      guard case .blob(let index) = piece.source, piece.destination.start == longMode?.cr3 else { continue }
      line += ": fnv1a64 \(hex: FNV1a64.of(blobs[index].bytes))"
    }
    return line
  }

  private var entryLine: Sentence {
    if let longMode { return Self.entryLine(longMode) }
    return described.map { Self.entryLine($0) } ?? ""
  }

  private static func entryLine(_ entry: EntryState) -> Sentence {
    var line: Sentence = "entry \(entry.mode.rawValue) \(hex: entry.address)"
    for register in entry.registers {
      if case .exactly(let value) = register.value { line += " \(register.name) \(hex: value)" }
    }
    return line
  }

  private static func entryLine(_ state: LongModeState) -> Sentence {
    var line: Sentence = "entry rip \(hex: state.rip)"
    for (number, value) in state.registers.inEncodingOrder.enumerated() where value != 0 {
      line += " \(LongModeState.GeneralRegisters.names[number]) \(hex: value)"
    }
    line += " cr3 \(hex: state.cr3) cr4 \(hex: state.cr4)"
    return line
  }

  private static func digits<Position: Address>(_ range: AddressRange<Position>) -> Sentence {
    digits(range.start.value, range.endValue)
  }

  private static func digits(_ start: UInt64, _ end: UInt64) -> Sentence { "\(hex: start)-\(hex: end)" }

  private static func signed(_ value: Int64) -> Sentence {
    value == 0 ? "0x0" : "\(value < 0 ? "-" : "+")\(hex: value.magnitude)"
  }
}
