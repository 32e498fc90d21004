public import Addresses

/// The few instructions between a PVH loader and a kernel that wants to be entered in 64-bit mode.
///
/// A PVH loader enters in 32-bit protected mode with flat segments and paging off. The stub switches to 64-bit mode in
/// the order of the Intel SDM (vol. 3A, 9.8.5), loads every register of an ``LongModeState``, and jumps. Code and data
/// share one page; nothing in it is ever written, so that it may be mapped read-execute:
///
///     offset 0      ┌────────────────────────────────┐ ◄─ the PVH entry point
///                   │ 32-bit code                    │    GDT, CR4, CR3, EFER, CR0, far jump
///                   │ 64-bit code                    │    selectors, IDTR, RFLAGS, general registers, jump
///     gdtOffset     ├────────────────────────────────┤
///                   │ GDT: null, null, code64, data  │    stays in use by the kernel
///                   │ GDTR image (2 + 4)             │
///                   │ IDTR image (2 + 8): limit 0    │    any interrupt before the kernel's own IDT is a reset
///                   │ RFLAGS (8)                     │
///                   │ RIP (8)                        │
///     size          └────────────────────────────────┘
///
/// The page must be mapped executable at its own physical address, or the instruction after the one that turns
/// paging on would not be found. The task register keeps what the PVH loader put there: no null selector can be
/// loaded into it.
public struct EntryStub: Sendable {
  /// Where the stub's GDT lies, from the stub's start: what ``LongModeState/gdtBase`` must say.
  public static var gdtOffset: UInt64 { 0x120 }
  /// The size of code and data together, in bytes.
  public static var size: UInt64 { 0x160 }

  private static var gdtrOffset: UInt32 { 0x140 }
  private static var idtrOffset: UInt32 { 0x146 }
  private static var rflagsOffset: UInt32 { 0x150 }
  private static var ripOffset: UInt32 { 0x158 }

  public let address: PhysicalAddress
  public let bytes: [UInt8]

  /// Assembles the stub for one place.
  ///
  /// - Parameters:
  ///   - entry: what the processor shall hold at the kernel's first instruction.
  ///   - address: where the stub will lie: 16-byte aligned, below 4 GiB, within one 4 KiB page.
  /// - Throws: ``EntryStubError`` where 32-bit code cannot bring that state about.
  public init(entry: LongModeState, at address: PhysicalAddress) throws(EntryStubError) {
    try Self.check(entry, address)
    let origin = UInt32(truncatingIfNeeded: address.value)
    var code = Assembler(origin: origin)
    Self.enterLongMode(entry, &code)
    Self.loadState(entry, &code)
    var bytes = code.bytes
    precondition(bytes.count <= Int(Self.gdtOffset), "the code ends before the data")
    bytes.pad(to: Int(Self.gdtOffset))
    bytes += GlobalDescriptorTable.bytes
    bytes.append(littleEndian: GlobalDescriptorTable.limit)
    bytes.append(littleEndian: origin + UInt32(Self.gdtOffset))
    // Limit 0 leaves no whole gate; base 0.
    bytes.pad(to: Int(Self.rflagsOffset))
    bytes.append(littleEndian: entry.rflags)
    bytes.append(littleEndian: entry.rip.value)
    self.address = address
    self.bytes = bytes
  }

  /// From protected mode into 64-bit mode: Intel SDM vol. 3A, 9.8.5.
  private static func enterLongMode(_ entry: LongModeState, _ code: inout Assembler) {
    code.lgdt(absolute: code.origin + gdtrOffset)
    code.moveToEAX(UInt32(truncatingIfNeeded: entry.cr4))
    code.moveEAX(to: .cr4)
    code.moveToEAX(UInt32(truncatingIfNeeded: entry.cr3.value))
    code.moveEAX(to: .cr3)
    code.moveToECX(EFER.register)
    // LMA is the processor's to set, which it does when paging is turned on.
    code.moveToEAX(UInt32(truncatingIfNeeded: entry.efer & ~EFER.longModeActive))
    code.moveToEDX(UInt32(truncatingIfNeeded: entry.efer >> 32))
    code.wrmsr()
    code.moveToEAX(UInt32(truncatingIfNeeded: entry.cr0))
    code.moveEAX(to: .cr0)
    // The far jump is seven bytes; it loads a code segment with L set, and 64-bit mode begins behind it.
    code.farJump(to: code.position + 7, selector: entry.codeSelector)
  }

  /// Everything that an entry state lists, in 64-bit mode. Only RFLAGS needs care: moves to control registers leave the
  /// arithmetic flags undefined, so that it comes after them, and `popfq` is made to pop a constant, so that no stack
  /// is needed.
  private static func loadState(_ entry: LongModeState, _ code: inout Assembler) {
    code.moveToEAX(0)
    code.lldtAX()
    code.moveToEAX(UInt32(entry.dataSelector))
    for register in [Assembler.SegmentRegister.ds, .es, .ss, .fs, .gs] { code.moveEAX(to: register) }
    code.lidt(at: code.origin + idtrOffset)
    code.move(UInt64(code.origin + rflagsOffset), toRegister: 4)
    code.popfq()
    for (number, value) in entry.registers.inEncodingOrder.enumerated() {
      code.move(value, toRegister: UInt8(number))
    }
    code.jump(throughLiteralAt: code.origin + ripOffset)
  }
}

/// IA32_EFER (Intel SDM vol. 3A, 2.2.1).
enum EFER {
  static var register: UInt32 { 0xc000_0080 }
  static var longModeEnable: UInt64 { 1 << 8 }
  static var longModeActive: UInt64 { 1 << 10 }
}
