public import Addresses

/// One entry of an x86 paging structure (Intel SDM vol. 3A, tables 4-5, 4-6, 4-8 to 4-11 and 4-15 to 4-20).
///
///     63 62   59 58   52 51                         12 11  9 8 7  6 5 4   3   2  1  0
///     ┌──┬──────┬───────┬─────────────────────────────┬─────┬─┬──┬─┬─┬───┬───┬──┬──┬─┐
///     │NX│ PKEY │ soft  │ physical address 51:12      │soft │G│PS│D│A│PCD│PWT│US│RW│P│
///     └──┴──────┴───────┴─────────────────────────────┴─────┴─┴──┴─┴─┴───┴───┴──┴──┴─┘
///                        large pages: 21 or 30 up,      4 KiB pages: bit 7 is PAT
///                        bit 12 is PAT, zeros between
///
/// An i386 entry is the lower half; its 4 MiB pages keep address bits 39:32 in bits 20:13 (PSE-36).
public struct X86Entry: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// P, bit 0: the entry is in use.
  @inlinable public var isPresent: Bool { has(Bit.present) }
  /// R/W, bit 1: writes are allowed below this entry.
  @inlinable public var isWritable: Bool { has(Bit.writable) }
  /// U/S, bit 2: user-mode accesses are allowed below this entry.
  @inlinable public var isUser: Bool { has(Bit.user) }
  /// PWT, bit 3.
  @inlinable public var isWriteThrough: Bool { has(Bit.writeThrough) }
  /// PCD, bit 4.
  @inlinable public var isCacheDisabled: Bool { has(Bit.cacheDisabled) }
  /// A, bit 5: the processor has used the entry.
  @inlinable public var isAccessed: Bool { has(Bit.accessed) }
  /// D, bit 6: the processor has written through the entry; only in entries that map a page.
  @inlinable public var isDirty: Bool { has(Bit.dirty) }
  /// PS, bit 7: above level 1 the entry maps a page. At level 1 this bit is PAT.
  @inlinable public var hasPageSizeBit: Bool { has(Bit.pageSize) }
  /// G, bit 8: the translation survives a change of CR3.
  @inlinable public var isGlobal: Bool { has(Bit.global) }
  /// XD, bit 63: nothing below this entry may be executed. Needs EFER.NXE.
  @inlinable public var isNoExecute: Bool { has(Bit.noExecute) }
  /// Bits 62:59 of an entry that maps a page. They count under CR4.PKE and CR4.PKS.
  @inlinable public var protectionKey: UInt8 { UInt8(truncatingIfNeeded: (rawValue >> 59) & 15) }

  /// Bits 51:12, the frame that the entry points to, as far as it is a table or a 4 KiB page.
  @inlinable public var frame: PhysicalAddress { PhysicalAddress(unchecked: rawValue & Bit.frame) }

  /// The index into the page attribute table, PAT<<2 | PCD<<1 | PWT (Intel SDM vol. 3A, 12.12.3), of an entry that maps
  /// a page.
  @inlinable public func memoryType(at level: TableLevel) -> UInt8 {
    let attribute = level == .pageTable ? Bit.pageSize : Bit.largeAttribute
    return (has(attribute) ? 4 : 0) | (isCacheDisabled ? 2 : 0) | (isWriteThrough ? 1 : 0)
  }

  @inlinable func has(_ bit: UInt64) -> Bool { rawValue & bit != 0 }

  /// The masks of single bits.
  @usableFromInline enum Bit {
    @inlinable static var present: UInt64 { 1 << 0 }
    @inlinable static var writable: UInt64 { 1 << 1 }
    @inlinable static var user: UInt64 { 1 << 2 }
    @inlinable static var writeThrough: UInt64 { 1 << 3 }
    @inlinable static var cacheDisabled: UInt64 { 1 << 4 }
    @inlinable static var accessed: UInt64 { 1 << 5 }
    @inlinable static var dirty: UInt64 { 1 << 6 }
    @inlinable static var pageSize: UInt64 { 1 << 7 }
    @inlinable static var global: UInt64 { 1 << 8 }
    @inlinable static var largeAttribute: UInt64 { 1 << 12 }
    @inlinable static var noExecute: UInt64 { 1 << 63 }
    @inlinable static var frame: UInt64 { 0x000f_ffff_ffff_f000 }
    /// Bits 11:9, and 58:52 where entries have 64 bits.
    @inlinable static var software: UInt64 { 0x07f0_0000_0000_0e00 }
  }
}
