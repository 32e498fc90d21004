import Addresses
import BootProtocols
import KernelImage

extension DumpRegisters {
  /// NT_PRSTATUS (gABI does not define it; Linux, include/uapi/linux/elf.h).
  private static let statusType: UInt32 = 1

  /// The registers of every processor of a core, in file order.
  ///
  /// - Throws: ``ParseError`` for a note that is smaller than its structure, or a QEMUCPUState of another version.
  static func processors(of core: CoreFile, in bytes: RawSpan) throws(ParseError) -> [DumpRegisters] {
    let isX86 = core.machine == .x86_64 || core.machine == .i386
    let hasState = isX86 && core.notes.contains { $0.isQEMU && $0.type == 0 }
    var processors: [DumpRegisters] = []
    for note in core.notes where note.isQEMU == hasState && note.type == (hasState ? 0 : statusType) {
      let note = NoteReader(bytes, note.descriptor)
      switch (core.machine, core.elfClass) {
      case (.x86_64, _) where hasState, (.i386, _) where hasState: processors.append(.x86(try X86(state: note)))
      case (.x86_64, _): processors.append(.x86(try X86(longStatus: note)))
      case (.i386, _): processors.append(.x86(try X86(shortStatus: note)))
      case (.aarch64, _): processors.append(.aarch64(try AArch64(status: note)))
      case (.riscv, .bits64): processors.append(.riscv(try RISCV(longStatus: note)))
      case (.riscv, .bits32): processors.append(.riscv(try RISCV(shortStatus: note)))
      default: return []
      }
    }
    return processors
  }
}

extension DumpRegisters.X86 {
  /// QEMUCPUState, 440 bytes:
  ///
  ///     0 version │ 4 size │ 8 rax rbx rcx rdx rsi rdi rsp rbp r8 … r15 rip rflags │
  ///     152 cs ds es fs gs ss ldt tr gdt idt, 24 bytes each │ 392 cr[0] … cr[4] │ 432 kernel_gs_base
  fileprivate init(state note: NoteReader) throws(ParseError) {
    try note.require(432, of: "QEMUCPUState")
    let version = note.half(0)
    guard version == 1 else {
      throw ParseError(
        .unsupported, field: "QEMUCPUState: version", at: note.start, found: UInt64(version), allowed: .exactly(1))
    }
    let size = UInt64(note.half(4))
    guard size >= 432, size <= note.size else {
      throw ParseError(
        .invalidValue, field: "QEMUCPUState: size", at: note.start &+ 4, found: size, allowed: .exactly(note.size))
    }
    let word = { (index: Int) in note.word(8 + 8 * index) }
    var general = LongModeState.GeneralRegisters()
    (general.rax, general.rbx, general.rcx, general.rdx) = (word(0), word(1), word(2), word(3))
    (general.rsi, general.rdi, general.rsp, general.rbp) = (word(4), word(5), word(6), word(7))
    (general.r8, general.r9, general.r10, general.r11) = (word(8), word(9), word(10), word(11))
    (general.r12, general.r13, general.r14, general.r15) = (word(12), word(13), word(14), word(15))
    self.init(general: general, rip: word(16), rflags: word(17), system: DumpRegisters.System(state: note))
  }

  /// elf_prstatus of x86-64, 336 bytes: the registers as ptrace(2) orders them, from 112 (Linux,
  /// arch/x86/include/asm/user_64.h, user_regs_struct).
  fileprivate init(longStatus note: NoteReader) throws(ParseError) {
    try note.require(112 + 27 * 8, of: "NT_PRSTATUS")
    let word = { (index: Int) in note.word(112 + 8 * index) }
    var general = LongModeState.GeneralRegisters()
    (general.r15, general.r14, general.r13, general.r12) = (word(0), word(1), word(2), word(3))
    (general.rbp, general.rbx, general.r11, general.r10) = (word(4), word(5), word(6), word(7))
    (general.r9, general.r8, general.rax, general.rcx) = (word(8), word(9), word(10), word(11))
    (general.rdx, general.rsi, general.rdi, general.rsp) = (word(12), word(13), word(14), word(19))
    self.init(general: general, rip: word(16), rflags: word(18), system: nil)
  }

  /// elf_prstatus of i386, 144 bytes: the registers from 72 (arch/x86/include/asm/user_32.h, user_regs_struct).
  fileprivate init(shortStatus note: NoteReader) throws(ParseError) {
    try note.require(72 + 17 * 4, of: "NT_PRSTATUS")
    let word = { (index: Int) in UInt64(note.half(72 + 4 * index)) }
    var general = LongModeState.GeneralRegisters()
    (general.rbx, general.rcx, general.rdx, general.rsi) = (word(0), word(1), word(2), word(3))
    (general.rdi, general.rbp, general.rax, general.rsp) = (word(4), word(5), word(6), word(15))
    self.init(general: general, rip: word(12), rflags: word(14), system: nil)
  }
}

extension DumpRegisters.System {
  fileprivate init(state note: NoteReader) {
    // QEMUCPUSegment: selector, limit, flags and padding of 32 bits each, base of 64.
    let segment = { (index: Int) in
      let place = 152 + 24 * index
      return RegisterDump.Segment(
        selector: UInt16(truncatingIfNeeded: note.half(place)), base: note.word(place + 16),
        limit: note.half(place + 4), attributes: note.half(place + 8))
    }
    let table = { (index: Int) in
      RegisterDump.DescriptorTable(base: note.word(152 + 24 * index + 16), limit: note.half(152 + 24 * index + 4))
    }
    self.init(
      es: segment(2), cs: segment(0), ss: segment(5), ds: segment(1), fs: segment(3), gs: segment(4), gdt: table(8),
      idt: table(9), cr0: note.word(392), cr2: note.word(408), cr3: note.word(416), cr4: note.word(424))
  }
}

extension DumpRegisters.AArch64 {
  /// elf_prstatus of AArch64, 392 bytes: X0 to X30, SP, PC, PSTATE from 112.
  fileprivate init(status note: NoteReader) throws(ParseError) {
    try note.require(112 + 34 * 8, of: "NT_PRSTATUS")
    let word = { (index: Int) in note.word(112 + 8 * index) }
    self.init(general: (0..<31).map(word), sp: word(31), pc: word(32), pstate: word(33))
  }
}

extension DumpRegisters.RISCV {
  /// elf_prstatus of RV64, 376 bytes: pc, x1 to x31 from 112.
  fileprivate init(longStatus note: NoteReader) throws(ParseError) {
    try note.require(112 + 32 * 8, of: "NT_PRSTATUS")
    self.init(pc: note.word(112), general: (1..<32).map { note.word(112 + 8 * $0) })
  }

  /// elf_prstatus of RV32, 204 bytes: pc, x1 to x31 from 72.
  fileprivate init(shortStatus note: NoteReader) throws(ParseError) {
    try note.require(72 + 32 * 4, of: "NT_PRSTATUS")
    self.init(pc: UInt64(note.half(72)), general: (1..<32).map { UInt64(note.half(72 + 4 * $0)) })
  }
}

/// The first bytes of a note's descriptor, as many as any structure here has.
private struct NoteReader {
  /// Where the descriptor starts in the file, and how long it is there.
  let start: UInt64
  let size: UInt64
  private let bytes: [UInt8]

  init(_ file: RawSpan, _ range: FileRange) {
    start = range.start.value
    size = range.count.value
    let first = range.start.value
    bytes = (0..<min(size, 512)).map { file.load(UInt8.self, at: first &+ $0) ?? 0 }
  }

  /// Proves that the structure is all there; at most 512 bytes. What is read afterwards lies inside it.
  func require(_ count: UInt64, of structure: StaticString) throws(ParseError) {
    guard size >= count else {
      throw ParseError(.truncated, field: "\(structure)", at: start, found: size, allowed: .atLeast(count))
    }
  }

  func half(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) } }

  func word(_ offset: Int) -> UInt64 { UInt64(half(offset)) | UInt64(half(offset + 4)) << 32 }
}
