public import AddressSpace
public import Addresses

/// Four- and five-level paging (Intel SDM vol. 3A, 4.5).
///
///     63      57 56     48 47     39 38     30 29     21 20     12 11          0
///     ┌─────────┬─────────┬─────────┬─────────┬─────────┬─────────┬─────────────┐
///     │ sign    │ PML5    │ PML4    │ PDPT    │ PD      │ PT      │ offset      │
///     └─────────┴─────────┴─────────┴─────────┴─────────┴─────────┴─────────────┘
///                five levels         1 GiB page: 29:0
///                only; else sign               2 MiB page: 20:0
public struct X86_64Format: X86Format {
  public let mode: PagingMode
  public let geometry: TableGeometry
  public let controls: X86Controls

  public init(fiveLevels: Bool = false, controls: X86Controls = X86Controls()) {
    mode = fiveLevels ? .x86_64FiveLevel : .x86_64FourLevel
    geometry = TableGeometry(pageShift: 12, indexBits: 9, virtualBits: fiveLevels ? 57 : 48, form: .signExtended)
    self.controls = controls
  }

  @inlinable public func allowsPages(at level: TableLevel) -> Bool {
    level <= .pageDirectory || level == .pageDirectoryPointer && controls.gigabytePages
  }

  @inlinable public func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning {
    let entry = X86Entry(rawValue: entry)
    guard entry.isPresent else { return .absent }
    let isPage = level == .pageTable || entry.hasPageSizeBit
    var reserved = commonReservedBits()
    if level >= .pml4, controls.reservesGlobalInUpperTables { reserved |= X86Entry.Bit.global }
    let size = geometry.pageSize(of: level)
    if isPage, level > .pageTable {
      reserved |=
        allowsPages(at: level)
        ? size.alignment.mask & X86Entry.Bit.frame & ~X86Entry.Bit.largeAttribute : X86Entry.Bit.pageSize
    }
    let wrong = entry.rawValue & reserved
    guard wrong == 0 else { return .reserved(bits: wrong) }
    guard isPage else { return .table(entry.frame) }
    return .page(PhysicalAddress(unchecked: entry.frame.value & ~size.alignment.mask), size)
  }
}
