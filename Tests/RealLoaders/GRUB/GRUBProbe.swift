import BootProtocols

/// 32-bit code that tells the state in which it was entered: it writes registers to port 0xe9 and ends QEMU through
/// port 0xf4. Of memory it touches only the 60 bytes below the stack pointer.
enum GRUBProbe {
  static let code: [UInt8] =
    [0x9c, 0x60, 0xe8, 0, 0, 0, 0]  // pushfd; pushad; call to the next instruction
    + [0x0f, 0x20, 0xc0, 0x50, 0x0f, 0x20, 0xe0, 0x50]  // push cr0; push cr4, both by eax
    + [0x8c, 0xc8, 0x50, 0x8c, 0xd8, 0x50, 0x8c, 0xd0, 0x50]  // push cs; push ds; push ss, each by eax
    + [0xb9, 60, 0, 0, 0, 0x89, 0xe6, 0xfc, 0x66, 0xba, 0xe9, 0, 0xf3, 0x6e]  // 60 bytes from esp on: rep outsb
    + [0x31, 0xc0, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]  // out 0xf4, 0; hlt

  /// As the pushed words lie from the last to the first.
  private static let names = [
    "ss", "ds", "cs", "cr4", "cr0", "eip", "edi", "esi", "ebp", "esp", "ebx", "edx", "ecx", "eax", "eflags",
  ]

  /// The registers before the first instruction, or nil when the code did not run to its end.
  static func registers(in output: [UInt8]) -> [String: UInt32]? {
    guard output.count == 4 * names.count else { return nil }
    var found: [String: UInt32] = [:]
    for (index, name) in names.enumerated() {
      let word = output[4 * index..<4 * index + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      // The call pushed the address behind its own 5 bytes and 2 before them; pushad what was left by pushfd.
      found[name] = name == "eip" ? word &- 7 : name == "esp" ? word &+ 4 : word
    }
    return found
  }

  /// What the code itself writes.
  static func stack(_ registers: [String: UInt32]) -> Range<UInt64> {
    let top = UInt64(registers["esp"] ?? 0)
    return top - min(top, 60)..<top
  }
}
