import Addresses
import Foundation
import TestSupport
import Testing

@testable import Machines

@Suite struct TargetRegisterTests {
  /// Cut from what QEMU 7.2 says of a RISC-V processor: `priv` follows the last of the floating-point registers, 64.
  @Test func registersAreNumberedAcrossDocuments() {
    let target = #"<?xml version="1.0"?><target><xi:include href="a.xml"/><xi:include href="b.xml"/></target>"#
    #expect(TargetRegister.inclusions(in: target) == ["a.xml", "b.xml"])
    let registers = TargetRegister.registers(in: [
      target,
      """
      <!-- the zero register --><feature name="org.gnu.gdb.riscv.cpu">
        <!--reg name="none" bitsize="64"/> <reg name="of these" bitsize="64"/-->
        <reg name="zero" bitsize="64" type="int"/>
        <reg
          bitsize="64" type="code_ptr" name="ra"/>
        <register name="ft11" bitsize="64"/>
      """,
      #"<reg name="ft11" bitsize="64" regnum="64"/><reg name="priv" bitsize="64"/><reg name="ra" bitsize="8"/>"#,
    ])
    #expect(
      registers == [
        "zero": TargetRegister(number: 0, bitSize: 64), "ra": TargetRegister(number: 1, bitSize: 64),
        "ft11": TargetRegister(number: 64, bitSize: 64), "priv": TargetRegister(number: 65, bitSize: 64),
      ])
  }

  @Test func hexadecimalIsLittleEndian() {
    #expect(UInt64(littleEndianHex: "1100000060") == 0x60_0000_0011)
    #expect(UInt64(littleEndianHex: "8877665544332211") == 0x1122_3344_5566_7788)
    for text in ["", "1", "zz", "E14", "001122334455667788"] { #expect(UInt64(littleEndianHex: text) == nil) }
    #expect(UInt64(0x60_0000_0011).littleEndianHex(byteCount: 8) == "1100000060000000")
    #expect(UInt64(0x1ff).littleEndianHex(byteCount: 1) == "ff")
  }
}

/// Machines before their first instruction.
@Suite struct RegisterTests {
  /// Intel SDM vol. 3A, “IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT”: CR0 is 60000010H, CR3
  /// and IA32_EFER are 0.
  @Test func registersOfX86() throws {
    let machine = try machine(.pc)
    #expect(try machine.registerValue(named: "cr0") == 0x6000_0010)
    #expect(try machine.registerValue(named: "cr3") == 0)
    #expect(try machine.registerValue(named: "efer") == 0)
    try machine.setRegister(named: "cr3", to: 0x1234_5000)
    try machine.setRegister(named: "cr4", to: 0x20)
    #expect(try machine.registers().cr3 == 0x1234_5000)
    #expect(try machine.registers().cr4 == 0x20)
    #expect(throws: MachineError.notConfigured("a register satp of at most 64 bits")) {
      try machine.registerValue(named: "satp")
    }
  }

  /// QEMU writes no system register over the debugger, and says OK all the same (target/arm/gdbstub.c,
  /// arm_gdb_set_sysreg).
  @Test func registersOfAArch64() throws {
    let machine = try machine(.virtAArch64)
    for name in ["TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "MAIR_EL1"] {
      #expect(try machine.registerValue(named: name) == 0, "\(name)")
    }
    // SCTLR_EL1.M, bit 0, resets to 0 (Arm ARM, SCTLR_EL1).
    #expect(try machine.registerValue(named: "SCTLR") & 1 == 0)
    try machine.setRegister(named: "x0", to: 0x1122_3344_5566_7788)
    #expect(try machine.monitor("info registers").contains("X00=1122334455667788"))
    #expect(throws: MachineError.self) { try machine.setRegister(named: "TTBR0_EL1", to: 0x4100_0000) }
  }

  /// MODE is 8, 9 and 10 for Sv39, Sv48 and Sv57; 11 is reserved, and a write of it has no effect (RISC-V privileged
  /// specification, “Supervisor Address Translation and Protection (satp) Register”).
  @Test func registersOfRISCV() throws {
    let machine = try machine(.virtRISCV)
    #expect(try machine.registerValue(named: "satp") == 0)
    for mode in 8...10 as ClosedRange<UInt64> {
      let satp = mode << 60 | 0x8_1234
      try machine.setRegister(named: "satp", to: satp)
      #expect(try machine.monitor("info registers").contains(" satp     \(String(satp, radix: 16))"))
    }
    #expect(throws: MachineError.self) { try machine.setRegister(named: "satp", to: 11 << 60) }
  }

  @Test func withoutADebuggerThereAreNoRegisters() throws {
    let machine = try QEMUMachine(try configuration(TinyGuest.printing("x")))
    #expect(throws: MachineError.notConfigured("a debugger")) { try machine.registerValue(named: "cr3") }
  }

  /// The debugger hears of the pause too; that is not the stop at the address.
  @Test func aPausedGuestShowsItsRegistersAndGoesOn() throws {
    var configuration = try configuration(TinyGuest.looping)
    configuration.hasDebugger = true
    let machine = try QEMUMachine(configuration)
    try machine.resume()
    try machine.pause()
    #expect(try machine.registerValue(named: "cr0") == machine.registers().cr0)
    #expect(try machine.run(to: VirtualAddress(TinyGuest.entry)) == .stoppedAtEntry)
    #expect(try machine.registers().rip == TinyGuest.entry)
  }

  /// Debian builds for 48-bit addresses in pages of 4 KiB: TCR_EL1.T1SZ, bits 21 to 16, is 64 - 48, and TG1, bits 31 and
  /// 30, is 0b10 (Linux, Documentation/arm64/memory.rst; Arm ARM DDI 0487, TCR_EL1).
  @Test(.enabled(if: DebianKernel.cloudARM.isExpected, "scripts/fetch-kernel linux-image-cloud-arm64 was not run"))
  func registersOfLinuxOnAArch64() throws {
    var configuration = QEMUConfiguration(
      kernel: .path(DebianKernel.cloudARM.path), memory: .mebibytes(512), accelerator: .tcg, timeLimit: .seconds(60),
      layout: .virtAArch64)
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    configuration.extraArguments = ["-append", "console=ttyAMA0 panic=-1"]
    let machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: try Regex("Unable to mount root fs")))
    let outcome = try machine.run()
    #expect(outcome == .matched(line: machine.console.matchedLine ?? ""), "\(machine.console.lastLines)")
    try machine.pause()
    let control = try machine.registerValue(named: "TCR_EL1")
    #expect(control >> 16 & 0x3f == 16)
    #expect(control >> 30 & 0b11 == 0b10)
    // BADDR is bits 47 to 1.
    let root = try machine.registerValue(named: "TTBR1_EL1") & 0xffff_ffff_fffe
    #expect(machine.memory?.fileOffset(of: PhysicalAddress(root), count: 4096) != nil)
    #expect(try machine.registerValue(named: "SCTLR") & 1 == 1)
  }

  private func machine(_ layout: GuestMemory.Layout) throws -> QEMUMachine {
    // Nothing of it is executed. Zeros are a kernel for all but x86.
    let image = layout == .pc ? TinyGuest.looping : [UInt8](repeating: 0, count: 4096)
    let kernel = try configuration(image).kernel
    var configuration = QEMUConfiguration(
      kernel: kernel, memory: .mebibytes(64), accelerator: .tcg, timeLimit: .seconds(30), layout: layout)
    configuration.firmware = layout == .virtRISCV ? "none" : nil
    configuration.hasDebugger = true
    return try QEMUMachine(configuration)
  }
}
