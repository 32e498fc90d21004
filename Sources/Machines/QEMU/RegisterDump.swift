public import BootProtocols

/// The registers of an x86 processor, as QEMU's monitor prints them (`info registers`; target/i386/cpu-dump.c).
public struct RegisterDump: Hashable, Sendable {
  /// A segment register with what the processor has loaded behind it.
  public struct Segment: Hashable, Sendable {
    public var selector: UInt16
    public var base: UInt64
    public var limit: UInt32
    /// The second word of the descriptor, without base and limit.
    public var attributes: UInt32
  }

  /// GDTR or IDTR.
  public struct DescriptorTable: Hashable, Sendable {
    public var base: UInt64
    public var limit: UInt32
  }

  /// In 32-bit modes the upper halves are 0 and `r8` to `r15` are 0: QEMU does not print them.
  public var general: LongModeState.GeneralRegisters
  public var rip: UInt64
  public var rflags: UInt64
  public var es: Segment
  public var cs: Segment
  public var ss: Segment
  public var ds: Segment
  public var fs: Segment
  public var gs: Segment
  public var gdt: DescriptorTable
  public var idt: DescriptorTable
  public var cr0: UInt64
  public var cr2: UInt64
  public var cr3: UInt64
  public var cr4: UInt64
  public var efer: UInt64
}
