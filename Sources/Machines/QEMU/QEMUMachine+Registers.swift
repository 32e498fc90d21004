extension QEMUMachine {
  /// A register of the first processor, by the name that QEMU gives it: `cr3`, `efer`; `TTBR1_EL1`; `satp`. QEMU 7.2
  /// calls SCTLR_EL1 `SCTLR`.
  ///
  /// The guest is stopped: by ``pause()``, at an address, or before its start.
  ///
  /// - Throws: ``MachineError/notConfigured(_:)`` without a debugger or such a register of at most 64 bits.
  public func registerValue(named name: String) throws(MachineError) -> UInt64 {
    let register = try register(named: name)
    let question = "p\(String(register.number, radix: 16))"
    let answer = try ask(question)
    guard let value = UInt64(littleEndianHex: answer) else {
      throw MachineError.unexpectedAnswer(channel: "debugger", to: "\(question) (\(name))", found: answer)
    }
    return value
  }

  /// Sets a register of the first processor, as an instruction would: QEMU follows a change of `cr0`, `cr4`, `efer` or
  /// `satp`.
  ///
  /// QEMU says OK also where it does not write a register, or not all of it; so the register is read again. QEMU 7.2
  /// writes no system register of AArch64.
  ///
  /// - Throws: ``MachineError/unexpectedAnswer(channel:to:found:)`` where the register does not hold the value after it.
  public func setRegister(named name: String, to value: UInt64) throws(MachineError) {
    let register = try register(named: name)
    try command("P\(String(register.number, radix: 16))=\(value.littleEndianHex(byteCount: register.bitSize / 8))")
    let found = try registerValue(named: name)
    guard found == value else {
      throw MachineError.unexpectedAnswer(
        channel: "debugger", to: "\(name) = 0x\(String(value, radix: 16))",
        found: "\(name) = 0x\(String(found, radix: 16))")
    }
  }

  private func register(named name: String) throws(MachineError) -> TargetRegister {
    if knownRegisters.isEmpty { knownRegisters = try readTargetDescription() }
    guard let register = knownRegisters[name], register.bitSize <= 64 else {
      throw MachineError.notConfigured("a register \(name) of at most 64 bits")
    }
    return register
  }

  private func readTargetDescription() throws(MachineError) -> [String: TargetRegister] {
    let target = try readDocument("target.xml")
    var documents = [target]
    for name in TargetRegister.inclusions(in: target) { documents.append(try readDocument(name)) }
    return TargetRegister.registers(in: documents)
  }

  /// Reads a document of the target description, piece by piece (GDB manual, appendix E.4, `qXfer:features:read`).
  private func readDocument(_ name: String) throws(MachineError) -> String {
    var document = ""
    while document.utf8.count < 1 << 20 {
      let offset = String(document.utf8.count, radix: 16)
      let question = "qXfer:features:read:\(name):\(offset),800"
      let answer = try ask(question)
      document += answer.dropFirst()
      switch answer.first {
      case "l": return document
      case "m" where answer.count > 1: break
      default: throw MachineError.unexpectedAnswer(channel: "debugger", to: question, found: answer)
      }
    }
    throw MachineError.unexpectedAnswer(channel: "debugger", to: name, found: "a document without an end")
  }
}

extension UInt64 {
  /// The number of a little-endian machine's bytes, two digits each; nil for more than eight, or none.
  init?(littleEndianHex text: String) {
    let digits = Array(text.utf8)
    guard !digits.isEmpty, digits.count <= 16, digits.count.isMultiple(of: 2) else { return nil }
    var value: UInt64 = 0
    for start in stride(from: 0, to: digits.count, by: 2).reversed() {
      guard let byte = UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else { return nil }
      value = value << 8 | UInt64(byte)
    }
    self = value
  }

  /// The lowest bytes as a little-endian machine has them, two digits each.
  func littleEndianHex(byteCount: Int) -> String {
    (0..<byteCount).map { index in
      let byte = String(self >> (8 * UInt64(index)) & 0xff, radix: 16)
      return byte.count == 1 ? "0" + byte : byte
    }.joined()
  }
}
