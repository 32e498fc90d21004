import Addresses

/// Why an entry state cannot be reached from a PVH entry.
public struct EntryStubError: Error, Sendable {
  public enum Field: Sendable {
    case address, cr0, cr3, cr4, efer, rflags, codeSelector, dataSelector, gdtBase, gdtLimit
  }

  /// What cannot be.
  public let field: Field
  public let found: UInt64
  /// The rule it breaks.
  public let rule: StaticString
}

extension EntryStub {
  /// Refuses what would fault, or silently become something else, on the way.
  static func check(_ entry: LongModeState, _ address: PhysicalAddress) throws(EntryStubError) {
    try checkPlace(address)
    try require(entry.cr3.value <= 0xffff_ffff, .cr3, entry.cr3.value, "32-bit code loads CR3: tables lie below 4 GiB")
    try require(entry.cr0 & Control.cr0 == Control.cr0, .cr0, entry.cr0, "PE and PG are set")
    try require(entry.cr0 >> 32 == 0, .cr0, entry.cr0, "the upper half is reserved")
    try require(entry.cr4 & Control.cr4PAE != 0, .cr4, entry.cr4, "PAE is set")
    try require(
      entry.cr4 >> 32 == 0 && entry.cr4 & Control.cr4Later == 0, .cr4, entry.cr4,
      "PCIDE (17) and CET (23) can only be set after the switch; the upper half is reserved")
    let long = EFER.longModeEnable | EFER.longModeActive
    try require(entry.efer & long == long, .efer, entry.efer, "LME and LMA are set")
    try require(
      entry.rflags & ~Control.rflagsArithmeticAndFree == 2, .rflags, entry.rflags,
      "bit 1 is set; TF, IF, VM, RF and the reserved bits are not")
    try checkSegments(entry, address)
  }

  private static func checkPlace(_ address: PhysicalAddress) throws(EntryStubError) {
    try require(address.value <= 0xffff_ffff, .address, address.value, "32-bit code lies below 4 GiB")
    try require(
      address.value & 15 == 0 && address.value & 0xfff <= 0x1000 - size, .address, address.value,
      "16-byte aligned, and within one 4 KiB page")
  }

  private static func checkSegments(_ entry: LongModeState, _ address: PhysicalAddress) throws(EntryStubError) {
    try require(
      entry.codeSelector == GlobalDescriptorTable.codeSelector, .codeSelector, UInt64(entry.codeSelector),
      "the stub's table has 64-bit code at 0x10")
    try require(
      entry.dataSelector == GlobalDescriptorTable.dataSelector, .dataSelector, UInt64(entry.dataSelector),
      "the stub's table has data at 0x18")
    try require(
      entry.gdtBase == address.value + gdtOffset, .gdtBase, entry.gdtBase, "the table lies in the stub, at gdtOffset")
    try require(
      entry.gdtLimit == GlobalDescriptorTable.limit, .gdtLimit, UInt64(entry.gdtLimit), "four descriptors: limit 31")
  }

  private static func require(
    _ condition: Bool, _ field: EntryStubError.Field, _ found: UInt64, _ rule: StaticString
  ) throws(EntryStubError) {
    guard condition else { throw EntryStubError(field: field, found: found, rule: rule) }
  }

  /// Bits of the control registers (Intel SDM vol. 3A, 2.5) and of RFLAGS (vol. 1, 3.4.3).
  private enum Control {
    /// PG, PE.
    static var cr0: UInt64 { 1 << 31 | 1 << 0 }
    static var cr4PAE: UInt64 { 1 << 5 }
    /// CET, PCIDE.
    static var cr4Later: UInt64 { 1 << 23 | 1 << 17 }
    /// CF, PF, AF, ZF, SF, DF, OF, IOPL, NT, AC, ID.
    static var rflagsArithmeticAndFree: UInt64 { 0x0024_7cd5 }
  }
}

extension LongModeState.GeneralRegisters {
  /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: each at the index that instructions encode it with.
  public var inEncodingOrder: [UInt64] {
    [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15]
  }
}
