/// One Sv39, Sv48 or Sv57 page-table entry (RISC-V privileged specification, 12.4.1).
///
///     63 62  61 60     54 53                            10 9   8 7 6 5 4 3 2 1 0
///     ┌─┬──────┬─────────┬────────────────────────────────┬─────┬─┬─┬─┬─┬─┬─┬─┬─┐
///     │N│ PBMT │ 0       │ PPN: physical address 55:12    │ RSW │D│A│G│U│X│W│R│V│
///     └─┴──────┴─────────┴────────────────────────────────┴─────┴─┴─┴─┴─┴─┴─┴─┴─┘
public struct RISCVEntry: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable public var isValid: Bool { has(Bit.valid) }
  @inlinable public var isReadable: Bool { has(Bit.read) }
  @inlinable public var isWritable: Bool { has(Bit.write) }
  @inlinable public var isExecutable: Bool { has(Bit.execute) }
  @inlinable public var isUser: Bool { has(Bit.user) }
  @inlinable public var isGlobal: Bool { has(Bit.global) }
  @inlinable public var isAccessed: Bool { has(Bit.accessed) }
  @inlinable public var isDirty: Bool { has(Bit.dirty) }
  /// N, bit 63: one of 16 entries that are one 64 KiB page.
  @inlinable public var isContiguous: Bool { has(Bit.contiguous) }
  /// PBMT, bits 62:61: 0 as the platform says, 1 non-cacheable, 2 strongly ordered I/O.
  @inlinable public var memoryType: UInt8 { UInt8(truncatingIfNeeded: (rawValue >> 61) & 3) }
  /// R, W and X are 0: the entry points to a table.
  @inlinable public var isTable: Bool { rawValue & Bit.access == 0 }
  /// PPN as an address.
  @inlinable public var frame: UInt64 { (rawValue & Bit.frame) << 2 }

  @inlinable func has(_ bit: UInt64) -> Bool { rawValue & bit != 0 }

  /// The masks of single bits.
  @usableFromInline enum Bit {
    @inlinable static var valid: UInt64 { 1 << 0 }
    @inlinable static var read: UInt64 { 1 << 1 }
    @inlinable static var write: UInt64 { 1 << 2 }
    @inlinable static var execute: UInt64 { 1 << 3 }
    @inlinable static var user: UInt64 { 1 << 4 }
    @inlinable static var global: UInt64 { 1 << 5 }
    @inlinable static var accessed: UInt64 { 1 << 6 }
    @inlinable static var dirty: UInt64 { 1 << 7 }
    /// RSW, bits 9:8.
    @inlinable static var software: UInt64 { 3 << 8 }
    /// PPN, bits 53:10.
    @inlinable static var frame: UInt64 { 0x003f_ffff_ffff_fc00 }
    @inlinable static var reserved: UInt64 { 0x7f << 54 }
    @inlinable static var memoryType: UInt64 { 3 << 61 }
    @inlinable static var contiguous: UInt64 { 1 << 63 }
    @inlinable static var access: UInt64 { read | write | execute }
  }
}
