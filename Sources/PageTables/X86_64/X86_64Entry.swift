public import Addresses

/// One 64-bit entry of an x86-64 paging structure (Intel SDM vol. 3A, tables 4-15 to 4-20).
///
///     63 62   59 58   52 51                         12 11  9 8 7  6 5 4   3   2  1  0
///     ┌──┬──────┬───────┬─────────────────────────────┬─────┬─┬──┬─┬─┬───┬───┬──┬──┬─┐
///     │NX│ PKEY │ soft  │ physical address 51:12      │soft │G│PS│D│A│PCD│PWT│US│RW│P│
///     └──┴──────┴───────┴─────────────────────────────┴─────┴─┴──┴─┴─┴───┴───┴──┴──┴─┘
///                        large pages: 21 or 30 up,      4 KiB pages: bit 7 is PAT
///                        bit 12 is PAT, zeros between
public struct X86_64Entry: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// P, bit 0: the entry is in use.
  public var isPresent: Bool { has(Bit.present) }
  /// R/W, bit 1: writes are allowed below this entry.
  public var isWritable: Bool { has(Bit.writable) }
  /// U/S, bit 2: user-mode accesses are allowed below this entry.
  public var isUser: Bool { has(Bit.user) }
  /// PWT, bit 3.
  public var isWriteThrough: Bool { has(Bit.writeThrough) }
  /// PCD, bit 4.
  public var isCacheDisabled: Bool { has(Bit.cacheDisabled) }
  /// A, bit 5: the processor has used the entry.
  public var isAccessed: Bool { has(Bit.accessed) }
  /// D, bit 6: the processor has written through the entry; only in entries that map a page.
  public var isDirty: Bool { has(Bit.dirty) }
  /// PS, bit 7: at levels 2 and 3 the entry maps a page. At level 1 this bit is PAT.
  public var hasPageSizeBit: Bool { has(Bit.pageSize) }
  /// G, bit 8: the translation survives a change of CR3.
  public var isGlobal: Bool { has(Bit.global) }
  /// XD, bit 63: nothing below this entry may be executed. Needs EFER.NXE.
  public var isNoExecute: Bool { has(Bit.noExecute) }

  /// Bits 51:12, the frame that the entry points to, as far as it is a table or a 4 KiB page.
  public var frame: PhysicalAddress { PhysicalAddress(unchecked: rawValue & Bit.frame) }

  /// Which entry of the page attribute table chooses the memory type, for an entry that maps a page of this size.
  public func memoryType(of size: PageSize) -> MemoryTypeIndex {
    let attribute = size == .size4KiB ? Bit.pageSize : Bit.largeAttribute
    return MemoryTypeIndex(
      rawValue: (has(attribute) ? 4 : 0) | (isCacheDisabled ? 2 : 0) | (isWriteThrough ? 1 : 0))
  }

  private func has(_ bit: UInt64) -> Bool { rawValue & bit != 0 }

  /// The masks of single bits.
  enum Bit {
    static var present: UInt64 { 1 << 0 }
    static var writable: UInt64 { 1 << 1 }
    static var user: UInt64 { 1 << 2 }
    static var writeThrough: UInt64 { 1 << 3 }
    static var cacheDisabled: UInt64 { 1 << 4 }
    static var accessed: UInt64 { 1 << 5 }
    static var dirty: UInt64 { 1 << 6 }
    static var pageSize: UInt64 { 1 << 7 }
    static var global: UInt64 { 1 << 8 }
    static var largeAttribute: UInt64 { 1 << 12 }
    static var noExecute: UInt64 { 1 << 63 }
    static var frame: UInt64 { 0x000f_ffff_ffff_f000 }
  }
}

/// An index into the page attribute table, PAT<<2 | PCD<<1 | PWT (Intel SDM vol. 3A, 12.12.3).
public struct MemoryTypeIndex: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The policy it stands for where that is one that Perch plans. Entries 0 and 3 are write-back and uncacheable after
  /// reset (IA32_PAT = 0x0007040600070406) and in Linux alike.
  public var policy: CachePolicy? {
    switch rawValue {
    case 0: .writeBack
    case 3: .uncacheable
    default: nil
    }
  }
}
