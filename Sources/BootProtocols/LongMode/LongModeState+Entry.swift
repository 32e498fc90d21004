import Addresses

extension EntryState {
  /// A state that Perch's entry stub establishes, register by register.
  public init(_ state: LongModeState) {
    self.init(mode: .long64, address: state.rip.value)
    registers = state.registers.named.enumerated().map { number, register in
      Register(register.name, register.value, Self.meaning(ofRegister: number, register.value))
    }
    let selector = UInt64(state.dataSelector)
    registers += [
      Register("rflags", state.rflags, "interrupts off"), Register("cr0", state.cr0, "protection, paging, WP"),
      Register("cr3", state.cr3.value, "root page table"), Register("cr4", state.cr4, Self.meaning(ofCR4: state.cr4)),
      Register("efer", state.efer, "64-bit mode, NX"),
      Register("cs", UInt64(state.codeSelector), "64-bit code, GDT of the stub"),
      Register("ds", selector, "flat data"), Register("es", selector, "flat data"),
      Register("ss", selector, "flat data"), Register("gdtr.base", state.gdtBase, "GDT of the stub"),
      Register("gdtr.limit", UInt64(state.gdtLimit), "GDT of the stub"),
    ]
  }

  /// The names of the bits that a plan can set (Intel SDM vol. 3A, 2.5).
  private static func meaning(ofCR4 value: UInt64) -> String {
    var text = "PAE"
    let names: [(bit: UInt64, name: String)] = [(7, "PGE"), (11, "UMIP"), (12, "LA57"), (20, "SMEP"), (21, "SMAP")]
    for (bit, name) in names where value >> bit & 1 == 1 { text += ", " + name }
    return text
  }

  /// By the number that instructions encode a register with: RSP is 4.
  private static func meaning(ofRegister number: Int, _ value: UInt64) -> String {
    if value == 0 { return "zero" }
    return number == 4 ? "stack" : "boot information"
  }
}

extension LongModeState.GeneralRegisters {
  /// In the order of their encoding (Intel SDM vol. 2A, 2.1.5).
  public var named: [(name: String, value: UInt64)] {
    [
      ("rax", rax), ("rcx", rcx), ("rdx", rdx), ("rbx", rbx), ("rsp", rsp), ("rbp", rbp), ("rsi", rsi), ("rdi", rdi),
      ("r8", r8), ("r9", r9), ("r10", r10), ("r11", r11), ("r12", r12), ("r13", r13), ("r14", r14), ("r15", r15),
    ]
  }
}
