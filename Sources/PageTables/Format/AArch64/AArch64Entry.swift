public import AddressSpace

/// One VMSAv8-64 stage 1 descriptor (Arm ARM, D8.3).
///
///     63  62 61 60  59  58  55 54  53  52  51  50 49          16 15   12 11 10 9  8 7    6  5  4   2 1  0
///     ┌──┬─────┬───┬───┬──────┬───┬───┬──┬───┬──┬───────────────┬───────┬──┬──┬────┬────┬──┬──┬─────┬─┬─┐
///     │NS│ APT │UXN│PXN│ soft │UXN│PXN│C │DBM│GP│ output address from the │nG│AF│ SH │AP2 │A1│NS│Attr │T│V│
///     │T │     │T  │T  │      │   │   │  │   │  │ granule or block up     │  │  │    │RO  │EL│  │Indx │ │ │
///     └──┴─────┴───┴───┴──────┴───┴───┴──┴───┴──┴───────────────┴───────┴──┴──┴────┴────┴──┴──┴─────┴─┴─┘
///      table descriptors only   pages and blocks only; 15:12 is PA 51:48 with 64 KiB and LPA, 9:8 PA 51:50 with DS
public struct AArch64Entry: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Bit 0.
  @inlinable public var isValid: Bool { has(Bit.valid) }
  /// Bit 1: a table above the last level, a page at the last.
  @inlinable public var hasTableBit: Bool { has(Bit.table) }
  /// AttrIndx, bits 4:2.
  @inlinable public var attributeIndex: UInt8 { UInt8(truncatingIfNeeded: (rawValue >> 2) & 7) }
  /// AP[1], bit 6: EL0 has the access too.
  @inlinable public var isUser: Bool { has(Bit.user) }
  /// AP[2], bit 7.
  @inlinable public var isReadOnly: Bool { has(Bit.readOnly) }
  /// SH, bits 9:8.
  @inlinable public var shareability: UInt8 { UInt8(truncatingIfNeeded: (rawValue >> 8) & 3) }
  /// AF, bit 10.
  @inlinable public var isAccessed: Bool { has(Bit.accessed) }
  /// nG, bit 11: holds for one ASID only.
  @inlinable public var isNotGlobal: Bool { has(Bit.notGlobal) }
  /// Bit 52.
  @inlinable public var isContiguous: Bool { has(Bit.contiguous) }
  /// PXN, bit 53: EL1 does not execute.
  @inlinable public var isPrivilegedExecuteNever: Bool { has(Bit.privilegedExecuteNever) }
  /// UXN, bit 54: EL0 does not execute.
  @inlinable public var isUserExecuteNever: Bool { has(Bit.userExecuteNever) }

  @inlinable func has(_ bit: UInt64) -> Bool { rawValue & bit != 0 }

  /// The output or table address from the granule up.
  @inlinable func address(granule: AArch64Paging.Granule, isLarge: Bool) -> UInt64 {
    let low = ~((1 << UInt64(granule.rawValue)) &- 1) as UInt64
    guard isLarge else { return rawValue & 0x0000_ffff_ffff_f000 & low }
    if granule == .size64KiB { return rawValue & 0x0000_ffff_ffff_0000 | (rawValue & 0xf000) << 36 }
    return rawValue & 0x0003_ffff_ffff_f000 & low | (rawValue & 0x300) << 42
  }

  /// The entry's bits that hold an address.
  @inlinable static func encode(_ address: UInt64, granule: AArch64Paging.Granule, isLarge: Bool) -> UInt64 {
    guard isLarge else { return address & 0x0000_ffff_ffff_f000 }
    if granule == .size64KiB { return address & 0x0000_ffff_ffff_0000 | (address >> 36) & 0xf000 }
    return address & 0x0003_ffff_ffff_f000 | (address >> 42) & 0x300
  }

  /// Where an entry of this shape keeps the address bits from `bits` up.
  @inlinable func upperAddressBits(_ paging: AArch64Paging, above bits: UInt8) -> UInt64 {
    let upper = 0x000f_ffff_ffff_ffff & ~((1 << UInt64(min(bits, 52))) &- 1) as UInt64
    return Self.encode(upper, granule: paging.granule, isLarge: paging.hasLargeAddresses)
  }

  /// The masks of single bits.
  @usableFromInline enum Bit {
    @inlinable static var valid: UInt64 { 1 << 0 }
    @inlinable static var table: UInt64 { 1 << 1 }
    @inlinable static var user: UInt64 { 1 << 6 }
    @inlinable static var readOnly: UInt64 { 1 << 7 }
    @inlinable static var innerShareable: UInt64 { 3 << 8 }
    @inlinable static var accessed: UInt64 { 1 << 10 }
    @inlinable static var notGlobal: UInt64 { 1 << 11 }
    @inlinable static var dirtyBitModifier: UInt64 { 1 << 51 }
    @inlinable static var contiguous: UInt64 { 1 << 52 }
    @inlinable static var privilegedExecuteNever: UInt64 { 1 << 53 }
    @inlinable static var userExecuteNever: UInt64 { 1 << 54 }
    /// Bits 58:55.
    @inlinable static var software: UInt64 { 0xf << 55 }
    @inlinable static var tablePrivilegedExecuteNever: UInt64 { 1 << 59 }
    @inlinable static var tableUserExecuteNever: UInt64 { 1 << 60 }
    /// APTable[0].
    @inlinable static var tableNoUser: UInt64 { 1 << 61 }
    /// APTable[1].
    @inlinable static var tableReadOnly: UInt64 { 1 << 62 }
  }
}
