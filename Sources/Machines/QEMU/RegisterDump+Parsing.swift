import BootProtocols

extension RegisterDump {
  /// Reads the monitor's text; nil where a register is missing.
  public init?(parsing text: String) {
    let fields = RegisterFields(text)
    guard let rip = fields.value("RIP", "EIP"), let rflags = fields.value("RFL", "EFL"),
      let es = fields.segment("ES"), let cs = fields.segment("CS"), let ss = fields.segment("SS"),
      let ds = fields.segment("DS"), let fs = fields.segment("FS"), let gs = fields.segment("GS"),
      let gdt = fields.table("GDT"), let idt = fields.table("IDT"), let cr0 = fields.value("CR0"),
      let cr2 = fields.value("CR2"), let cr3 = fields.value("CR3"), let cr4 = fields.value("CR4"),
      let efer = fields.value("EFER"), let general = fields.general()
    else { return nil }
    self.init(
      general: general, rip: rip, rflags: rflags, es: es, cs: cs, ss: ss, ds: ds, fs: fs, gs: gs, gdt: gdt, idt: idt,
      cr0: cr0, cr2: cr2, cr3: cr3, cr4: cr4, efer: efer)
  }
}

/// The dump as words: `RAX=00000002651d80e4`, `R8 =0000000000000000`, `CS =0008 0000000000000000 ffffffff 00af9a00 …`.
private struct RegisterFields {
  private var lines: [[Substring]] = []

  init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      // `=` may have a space before it, and after it where the name is that of a table.
      var words: [Substring] = []
      for word in line.split(whereSeparator: { $0 == " " || $0 == "=" }) { words.append(word) }
      lines.append(words)
    }
  }

  /// The number after the first word that is one of the names.
  func value(_ names: Substring...) -> UInt64? {
    words(after: names, count: 1).flatMap { UInt64($0[0], radix: 16) }
  }

  func segment(_ name: Substring) -> RegisterDump.Segment? {
    guard let words = words(after: [name], count: 4), let selector = UInt16(words[0], radix: 16),
      let base = UInt64(words[1], radix: 16), let limit = UInt32(words[2], radix: 16),
      let attributes = UInt32(words[3], radix: 16)
    else { return nil }
    return RegisterDump.Segment(selector: selector, base: base, limit: limit, attributes: attributes)
  }

  func table(_ name: Substring) -> RegisterDump.DescriptorTable? {
    guard let words = words(after: [name], count: 2), let base = UInt64(words[0], radix: 16),
      let limit = UInt32(words[1], radix: 16)
    else { return nil }
    return RegisterDump.DescriptorTable(base: base, limit: limit)
  }

  func general() -> LongModeState.GeneralRegisters? {
    guard let rax = value("RAX", "EAX"), let rbx = value("RBX", "EBX"), let rcx = value("RCX", "ECX"),
      let rdx = value("RDX", "EDX"), let rsi = value("RSI", "ESI"), let rdi = value("RDI", "EDI"),
      let rbp = value("RBP", "EBP"), let rsp = value("RSP", "ESP")
    else { return nil }
    var registers = LongModeState.GeneralRegisters()
    (registers.rax, registers.rbx, registers.rcx, registers.rdx) = (rax, rbx, rcx, rdx)
    (registers.rsi, registers.rdi, registers.rbp, registers.rsp) = (rsi, rdi, rbp, rsp)
    guard value("RAX") != nil else { return registers }
    guard let r8 = value("R8"), let r9 = value("R9"), let r10 = value("R10"), let r11 = value("R11"),
      let r12 = value("R12"), let r13 = value("R13"), let r14 = value("R14"), let r15 = value("R15")
    else { return nil }
    (registers.r8, registers.r9, registers.r10, registers.r11) = (r8, r9, r10, r11)
    (registers.r12, registers.r13, registers.r14, registers.r15) = (r12, r13, r14, r15)
    return registers
  }

  /// The `count` words that follow the first occurrence of a name.
  private func words(after names: [Substring], count: Int) -> ArraySlice<Substring>.SubSequence? {
    for line in lines {
      guard let index = line.firstIndex(where: names.contains), line.count - index > count else { continue }
      return Array(line[index + 1...index + count])[...]
    }
    return nil
  }
}
