import Addresses

extension EntryState {
  /// A state that Perch's entry stub establishes, register by register.
  public init(_ state: LongModeState) {
    self.init(mode: .long64, address: state.rip.value)
    for (number, value) in state.registers.inEncodingOrder.enumerated() {
      add(LongModeState.GeneralRegisters.names[number], value, Self.meaning(ofRegister: number, value))
    }
    let selector = UInt64(state.dataSelector)
    add("rflags", state.rflags, "interrupts off")
    add("cr0", state.cr0, "protection, paging, WP")
    add("cr3", state.cr3.value, "root page table")
    registers.append(Register("cr4", state.cr4, Self.meaning(ofCR4: state.cr4)))
    add("efer", state.efer, "64-bit mode, NX")
    add("cs", UInt64(state.codeSelector), "64-bit code, GDT of the stub")
    add("ds", selector, "flat data")
    add("es", selector, "flat data")
    add("ss", selector, "flat data")
    add("gdtr.base", state.gdtBase, "GDT of the stub")
    add("gdtr.limit", UInt64(state.gdtLimit), "GDT of the stub")
  }

  @inline(never) private mutating func add(_ name: StaticString, _ value: UInt64, _ meaning: StaticString) {
    registers.append(Register(text("\(name)"), value, text("\(meaning)")))
  }

  /// The names of the bits that a plan can set (Intel SDM vol. 3A, 2.5).
  private static func meaning(ofCR4 value: UInt64) -> String {
    var text: Sentence = "PAE"
    let names: [(bit: UInt64, name: StaticString)] = [
      (7, "PGE"), (11, "UMIP"), (12, "LA57"), (20, "SMEP"), (21, "SMAP"),
    ]
    for (bit, name) in names where value >> bit & 1 == 1 { text += ", \(name)" }
    return text.text
  }

  /// By the number that instructions encode a register with: RSP is 4.
  private static func meaning(ofRegister number: Int, _ value: UInt64) -> StaticString {
    if value == 0 { return "zero" }
    return number == 4 ? "stack" : "boot information"
  }
}

extension LongModeState.GeneralRegisters {
  /// In the order of their encoding (Intel SDM vol. 2A, 2.1.5).
  public static var names: [StaticString] {
    [
      "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    ]
  }

  /// All of them, in that order.
  public var named: [(name: String, value: UInt64)] {
    zip(Self.names, inEncodingOrder).map { ($0.description, $1) }
  }
}
