import Addresses
public import BootProtocols
import Placement

extension Verifier {
  /// Compares every register that the entry state names, exactly.
  ///
  /// CS has the code selector, SS, DS and ES have the data selector (Linux, Documentation/arch/x86/boot.rst, 64-bit
  /// boot protocol). FS, GS, the interrupt table and the task register are nobody's promise.
  public mutating func compare(_ found: RegisterDump, with expected: LongModeState) {
    compareGeneral(found.general, with: expected.registers)
    let wide = [
      ("RIP", expected.rip.value, found.rip), ("RFLAGS", expected.rflags, found.rflags),
      ("CR0", expected.cr0, found.cr0), ("CR3", expected.cr3.value, found.cr3), ("CR4", expected.cr4, found.cr4),
      ("EFER", expected.efer, found.efer), ("CS", UInt64(expected.codeSelector), UInt64(found.cs.selector)),
      ("SS", UInt64(expected.dataSelector), UInt64(found.ss.selector)),
      ("DS", UInt64(expected.dataSelector), UInt64(found.ds.selector)),
      ("ES", UInt64(expected.dataSelector), UInt64(found.es.selector)),
      ("GDTR base", expected.gdtBase, found.gdt.base),
      ("GDTR limit", UInt64(expected.gdtLimit), UInt64(found.gdt.limit)),
    ]
    for (name, expected, found) in wide { compareRegister(name, expected, found) }
    // CS.L and not CS.D: the processor really executes 64-bit code (descriptor bits 53 and 54; Intel SDM vol. 3A,
    // 3.4.5).
    compareRegister("CS attributes L and D", 0x20_0000, UInt64(found.cs.attributes & 0x60_0000))
  }

  private mutating func compareGeneral(
    _ found: LongModeState.GeneralRegisters, with expected: LongModeState.GeneralRegisters
  ) {
    let registers: [(String, KeyPath<LongModeState.GeneralRegisters, UInt64>)] = [
      ("RAX", \.rax), ("RCX", \.rcx), ("RDX", \.rdx), ("RBX", \.rbx), ("RSP", \.rsp), ("RBP", \.rbp), ("RSI", \.rsi),
      ("RDI", \.rdi), ("R8", \.r8), ("R9", \.r9), ("R10", \.r10), ("R11", \.r11), ("R12", \.r12), ("R13", \.r13),
      ("R14", \.r14), ("R15", \.r15),
    ]
    for (name, path) in registers { compareRegister(name, expected[keyPath: path], found[keyPath: path]) }
  }

  private mutating func compareRegister(_ name: String, _ expected: UInt64, _ found: UInt64) {
    report.registersCompared += 1
    if expected != found { report.note(.register, at: name, expected: hex(expected), found: hex(found)) }
  }
}
