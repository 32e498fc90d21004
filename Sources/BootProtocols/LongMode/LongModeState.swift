public import Addresses

/// The processor at the kernel's first instruction, in 64-bit mode, as Perch's entry stub establishes it. Whatever is not
/// listed is zero.
public struct LongModeState: Hashable, Sendable {
  /// The general registers, in the order of their encoding (Intel SDM vol. 2, 2.1.5).
  public struct GeneralRegisters: Hashable, Sendable {
    public var rax: UInt64 = 0
    public var rcx: UInt64 = 0
    public var rdx: UInt64 = 0
    public var rbx: UInt64 = 0
    public var rsp: UInt64 = 0
    public var rbp: UInt64 = 0
    public var rsi: UInt64 = 0
    public var rdi: UInt64 = 0
    public var r8: UInt64 = 0
    public var r9: UInt64 = 0
    public var r10: UInt64 = 0
    public var r11: UInt64 = 0
    public var r12: UInt64 = 0
    public var r13: UInt64 = 0
    public var r14: UInt64 = 0
    public var r15: UInt64 = 0
    public init() {}
  }

  public var rip: VirtualAddress
  public var registers: GeneralRegisters
  /// Bit 1 is always set; interrupts are off.
  public var rflags: UInt64
  /// PE | ET | WP | PG.
  public var cr0: UInt64
  /// The physical address of the root page table.
  public var cr3: PhysicalAddress
  /// PAE, and what turns the processor's features on.
  public var cr4: UInt64
  /// LME | LMA | NXE.
  public var efer: UInt64
  public var codeSelector: UInt16
  public var dataSelector: UInt16
  /// Where the global descriptor table is mapped, and its limit.
  public var gdtBase: UInt64
  public var gdtLimit: UInt16

  public init(
    rip: VirtualAddress, registers: GeneralRegisters, cr3: PhysicalAddress, gdtBase: UInt64, gdtLimit: UInt16,
    processor: ProcessorFeatures = []
  ) {
    self.rip = rip
    self.registers = registers
    rflags = 0x2
    cr0 = 0x8001_0011
    self.cr3 = cr3
    cr4 = 0x20 | processor.cr4
    efer = 0xd00
    codeSelector = 0x10
    dataSelector = 0x18
    self.gdtBase = gdtBase
    self.gdtLimit = gdtLimit
  }
}
