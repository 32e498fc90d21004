public import AddressSpace
public import Addresses

/// Two-level paging with 32-bit entries (Intel SDM vol. 3A, 4.3).
///
///     31           22 21           12 11              0
///     ┌──────────────┬──────────────┬─────────────────┐
///     │ PD           │ PT           │ offset          │
///     └──────────────┴──────────────┴─────────────────┘
///                     4 MiB page: 21:0
///
/// There is no NX: whatever is mapped can be executed. A 4 MiB page keeps address bits 39:32 in entry bits 20:13.
public struct I386Format: X86Format {
  public let controls: X86Controls

  public init(controls: X86Controls = X86Controls()) {
    var controls = controls
    controls.noExecuteEnabled = false
    self.controls = controls
  }

  @inlinable public var mode: PagingMode { .i386 }
  public let geometry = TableGeometry(pageShift: 12, indexBits: 10, virtualBits: 32, entryShift: 2, form: .zeroExtended)

  @inlinable public func allowsPages(at level: TableLevel) -> Bool { level == .pageTable || controls.largePages }

  @inlinable public func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning {
    let entry = X86Entry(rawValue: entry & 0xffff_ffff)
    guard entry.isPresent else { return .absent }
    if level == .pageTable { return .page(entry.frame, .size4KiB) }
    guard entry.hasPageSizeBit, controls.largePages else { return .table(entry.frame) }
    let wrong = entry.rawValue & (0x20_0000 | Self.upperAddress & ~largeAddressBits)
    guard wrong == 0 else { return .reserved(bits: wrong) }
    let upper = (entry.rawValue & Self.upperAddress) << 19
    return .page(PhysicalAddress(unchecked: upper | entry.rawValue & 0xffc0_0000), .size4MiB)
  }

  @inlinable public func pageEntry(to page: PhysicalAddress, at level: TableLevel, as kind: PageKind) -> UInt64 {
    var bits = X86Entry.Bit.present | X86Entry.Bit.accessed
    if kind.access.isWritable { bits |= X86Entry.Bit.writable | X86Entry.Bit.dirty }
    if kind.cache == .uncacheable { bits |= X86Entry.Bit.cacheDisabled | X86Entry.Bit.writeThrough }
    if kind.isUser { bits |= X86Entry.Bit.user }
    if kind.isGlobal { bits |= X86Entry.Bit.global }
    guard level > .pageTable else { return bits | page.value & 0xffff_f000 }
    return bits | X86Entry.Bit.pageSize | page.value & 0xffc0_0000 | (page.value >> 19) & Self.upperAddress
  }

  @inlinable public func greatestAddress(at level: TableLevel) -> UInt64 {
    level == .pageTable ? 0xffff_ffff : largeAddressBits << 19 | 0xffff_ffff
  }

  @inlinable public func addressField(at level: TableLevel) -> AddressField {
    level == .pageTable
      ? AddressField(mask: 0xffff_f000, step: 0x1000) : AddressField(mask: 0xffc0_0000, step: 0x40_0000)
  }

  /// A page above 4 GiB has no smaller ones.
  @inlinable public func splitting(_ leaf: UInt64, at level: TableLevel) -> UInt64? {
    guard leaf & Self.upperAddress == 0 else { return nil }
    let plain = leaf & ~(X86Entry.Bit.pageSize | X86Entry.Bit.largeAttribute)
    return leaf & X86Entry.Bit.largeAttribute == 0 ? plain : plain | X86Entry.Bit.pageSize
  }

  /// Entry bits 20:13, address bits 39:32.
  @inlinable static var upperAddress: UInt64 { 0x1f_e000 }

  /// Those of ``upperAddress`` that the processor has: PSE-36 reaches MAXPHYADDR, at most 40 bits.
  @inlinable var largeAddressBits: UInt64 {
    let bits = UInt64(min(max(controls.physicalBits, 32), 40))
    return (((1 << (bits &- 32)) &- 1) << 13) & Self.upperAddress
  }
}
