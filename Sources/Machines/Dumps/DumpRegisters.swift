public import BootProtocols

/// The registers of one processor in an ELF core: those of its "QEMU" note, else of its NT_PRSTATUS.
///
/// Only x86 has the registers that translate addresses, and only in QEMU's note. For AArch64 and RISC-V the roots
/// (TTBR0_EL1, TTBR1_EL1, TCR_EL1; satp) are in no note: they must come from elsewhere.
public enum DumpRegisters: Hashable, Sendable {
  case x86(X86)
  case aarch64(AArch64)
  case riscv(RISCV)

  /// An x86 processor in any mode (QEMU, target/i386/arch_dump.c, QEMUCPUState).
  public struct X86: Hashable, Sendable {
    public let general: LongModeState.GeneralRegisters
    public let rip: UInt64
    public let rflags: UInt64
    /// Nil in a core without QEMU's note.
    public let system: System?
  }

  /// What user programs do not see. EFER is not in the note: ``MemoryImage/machine`` is x86-64 where the first processor
  /// was in long mode (EFER.LMA), i386 where it was not.
  public struct System: Hashable, Sendable {
    public let es: RegisterDump.Segment
    public let cs: RegisterDump.Segment
    public let ss: RegisterDump.Segment
    public let ds: RegisterDump.Segment
    public let fs: RegisterDump.Segment
    public let gs: RegisterDump.Segment
    public let gdt: RegisterDump.DescriptorTable
    public let idt: RegisterDump.DescriptorTable
    public let cr0: UInt64
    public let cr2: UInt64
    public let cr3: UInt64
    public let cr4: UInt64
  }

  /// An AArch64 processor (Linux, arch/arm64/include/uapi/asm/ptrace.h, user_pt_regs).
  public struct AArch64: Hashable, Sendable {
    /// X0 to X30.
    public let general: [UInt64]
    public let sp: UInt64
    public let pc: UInt64
    public let pstate: UInt64
  }

  /// A RISC-V processor (Linux, arch/riscv/include/uapi/asm/ptrace.h, user_regs_struct).
  public struct RISCV: Hashable, Sendable {
    public let pc: UInt64
    /// x1 to x31.
    public let general: [UInt64]
  }

  /// Where the processor was: RIP, PC or pc.
  public var programCounter: UInt64 {
    switch self {
    case .x86(let registers): registers.rip
    case .aarch64(let registers): registers.pc
    case .riscv(let registers): registers.pc
    }
  }
}
