import BootProtocols

/// Code for the entry of a kernel: it prints its registers and ranges of memory to QEMU's debug console, and ends QEMU.
///
/// Xen itself answers at port 0xe9, so the console stands elsewhere. The stack lies in low memory, below 0x70000.
enum XenPVHProbe {
  static let port: UInt16 = 0x5e0
  /// Nothing of an image may lie from here to `stack`.
  static let stackLow: UInt64 = 0x6_f000
  static let stack: UInt64 = 0x7_0000
  /// How many ranges there is room for.
  static let ranges = 16
  /// Registers in the order in which the probe prints them, 32 bits each.
  static let registers = [
    "tr", "gs", "fs", "ds", "ss", "cs", "es", "cr4", "cr3", "cr0", "edi", "esi", "ebp", "", "ebx", "edx", "ecx", "eax",
    "eflags", "esp",
  ]

  static func code(at entry: UInt64, printing ranges: [Range<UInt64>]) -> [UInt8] {
    var code: [UInt8] = [0x89, 0x25] + word(stack - 4)  // mov [stack - 4], esp
    code += [0xbc] + word(stack - 4)  // mov esp, stack - 4
    code += [0x9c, 0x60]  // pushfd; pushad
    code += [0x0f, 0x20, 0xc0, 0x50, 0x0f, 0x20, 0xd8, 0x50, 0x0f, 0x20, 0xe0, 0x50]  // push cr0, cr3, cr4
    code += [0x31, 0xc0]
    // mov ax, es, cs, ss, ds, fs, gs; push eax
    for segment: UInt8 in 0..<6 { code += [0x8c, 0xc0 | segment << 3, 0x50] }
    code += [0x0f, 0x00, 0xc8, 0x50]  // str eax; push eax
    code += [0xfc, 0x66, 0xba, UInt8(port & 0xff), UInt8(port >> 8)]  // cld; mov dx, port
    code += [0x89, 0xe6, 0xb9] + word(UInt64(registers.count) * 4) + [0xf3, 0x6e]  // mov esi, esp; rep outsb
    let loop: [UInt8] = [
      0x8b, 0x75, 0x00, 0x8b, 0x4d, 0x04, 0x85, 0xc9, 0x74, 0x07, 0xf3, 0x6e, 0x83, 0xc5, 0x08, 0xeb, 0xef,
    ]  // again: mov esi, [ebp]; mov ecx, [ebp + 4]; test ecx, ecx; jz end; rep outsb; add ebp, 8; jmp again
    let end: [UInt8] = [0x31, 0xc0, 0xe6, 0xf4, 0xeb, 0xfe]  // end: out 0xf4, 0; jmp .
    code += [0xbd] + word(entry &+ UInt64(code.count + 5 + loop.count + end.count)) + loop + end  // mov ebp, table
    for range in ranges { code += word(range.lowerBound) + word(range.upperBound &- range.lowerBound) }
    return code + Array(repeating: 0, count: 8 * (Self.ranges + 1 - ranges.count))
  }

  private static func word(_ value: UInt64) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }
}
