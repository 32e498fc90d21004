public import AddressSpace
public import Addresses

/// PAE paging (Intel SDM vol. 3A, 4.4).
///
///     31 30 29         21 20         12 11              0
///     ┌────┬─────────────┬─────────────┬─────────────────┐
///     │PDPT│ PD          │ PT          │ offset          │
///     └────┴─────────────┴─────────────┴─────────────────┘
///                         2 MiB page: 20:0
///
/// The four entries of the PDPT are 32 bytes at a multiple of 32 that CR3 names; Perch gives them a frame. A processor
/// reads them when CR3 is written, not when it walks.
public struct PAEFormat: X86Format {
  public let controls: X86Controls

  public init(controls: X86Controls = X86Controls()) { self.controls = controls }

  @inlinable public var mode: PagingMode { .pae }
  public let geometry = TableGeometry(pageShift: 12, indexBits: 9, virtualBits: 32, form: .zeroExtended)

  @inlinable public func allowsPages(at level: TableLevel) -> Bool { level <= .pageDirectory }

  @inlinable public func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning {
    let entry = X86Entry(rawValue: entry)
    guard entry.isPresent else { return .absent }
    var reserved = commonReservedBits()
    let isPage = level == .pageTable || level == .pageDirectory && entry.hasPageSizeBit
    if level == .pageDirectoryPointer {
      // Table 4-8: only P, PWT, PCD, software's 11:9 and the address.
      reserved |= 0xfff0_0000_0000_01e6
    } else {
      // Tables 4-9 to 4-11: bits 62:52 are reserved, unlike in the 64-bit modes.
      reserved |= 0x7ff0_0000_0000_0000
      if isPage, level == .pageDirectory { reserved |= 0x1f_e000 }
    }
    let wrong = entry.rawValue & reserved
    guard wrong == 0 else { return .reserved(bits: wrong) }
    guard isPage else { return .table(entry.frame) }
    let size = geometry.pageSize(of: level)
    return .page(PhysicalAddress(unchecked: entry.frame.value & ~size.alignment.mask), size)
  }

  /// Software has bits 11:9 alone.
  @inlinable public func insignificantBits(at level: TableLevel) -> UInt64 {
    X86Entry.Bit.accessed | X86Entry.Bit.dirty | X86Entry.Bit.software & 0xfff
  }

  /// An entry of the PDPT has neither R/W nor U/S nor A.
  @inlinable public func tableEntry(to table: PhysicalAddress, at level: TableLevel, user: Bool) -> UInt64 {
    let address = table.value & X86Entry.Bit.frame
    guard level != .pageDirectoryPointer else { return address | X86Entry.Bit.present }
    let bits = X86Entry.Bit.present | X86Entry.Bit.writable | X86Entry.Bit.accessed
    return address | bits | (user ? X86Entry.Bit.user : 0)
  }
}
