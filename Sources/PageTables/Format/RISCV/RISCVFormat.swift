public import AddressSpace
public import Addresses

/// Sv39, Sv48 and Sv57 (RISC-V privileged specification, 12.4 to 12.6).
///
///     63    57 56       48 47       39 38       30 29       21 20       12 11          0
///     ┌───────┬───────────┬───────────┬───────────┬───────────┬───────────┬─────────────┐
///     │ sign  │ VPN[4]    │ VPN[3]    │ VPN[2]    │ VPN[1]    │ VPN[0]    │ offset      │
///     └───────┴───────────┴───────────┴───────────┴───────────┴───────────┴─────────────┘
///              Sv57 only   from Sv48 up, 1 GiB       2 MiB       4 KiB, 64 KiB (Svnapot)
///              256 TiB     512 GiB
public struct RISCVFormat: TableFormat {
  public let paging: RISCVPaging
  public let geometry: TableGeometry
  public let controls: RISCVControls

  public init(_ paging: RISCVPaging, controls: RISCVControls = RISCVControls()) {
    self.paging = paging
    self.controls = controls
    geometry = TableGeometry(pageShift: 12, indexBits: 9, virtualBits: paging.rawValue, form: .signExtended)
  }

  @inlinable public var mode: PagingMode { .riscv(paging) }

  @inlinable public func allowsPages(at level: TableLevel) -> Bool { true }

  @inlinable public func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning {
    let entry = RISCVEntry(rawValue: entry)
    guard entry.isValid else { return .absent }
    let wrong = reservedBits(of: entry, at: level)
    guard wrong == 0 else { return .reserved(bits: wrong) }
    guard !entry.isTable else { return .table(PhysicalAddress(unchecked: entry.frame)) }
    guard entry.isContiguous else {
      return .page(PhysicalAddress(unchecked: entry.frame), geometry.pageSize(of: level))
    }
    return .page(PhysicalAddress(unchecked: entry.frame & ~0xffff), .size64KiB)
  }

  /// 12.4.1, and 12.5 (Svnapot) and 12.6 (Svpbmt) for the upper bits.
  @inlinable func reservedBits(of entry: RISCVEntry, at level: TableLevel) -> UInt64 {
    var reserved = RISCVEntry.Bit.reserved
    if entry.isTable || !controls.hasMemoryTypes { reserved |= RISCVEntry.Bit.memoryType }
    if entry.isTable || !controls.hasContiguousPages || level != .pageTable { reserved |= RISCVEntry.Bit.contiguous }
    if entry.isTable {
      reserved |= RISCVEntry.Bit.user | RISCVEntry.Bit.accessed | RISCVEntry.Bit.dirty
      // There is no level below the last (12.3.2, step 4); V is what makes such an entry a pointer.
      if level == .pageTable { reserved |= RISCVEntry.Bit.valid }
      return entry.rawValue & reserved
    }
    if entry.isWritable, !entry.isReadable { reserved |= RISCVEntry.Bit.write }
    if entry.memoryType == 3 { reserved |= RISCVEntry.Bit.memoryType }
    // A superpage is a multiple of its size.
    reserved |= ((1 << geometry.shift(of: level)) &- 1) >> 2 & RISCVEntry.Bit.frame
    let wrong = entry.rawValue & reserved
    guard wrong == 0, entry.isContiguous else { return wrong }
    // The one defined size, 64 KiB, is PPN[3:0] = 0b1000.
    let size = (entry.rawValue >> 10) & 15
    return size == 8 ? 0 : RISCVEntry.Bit.contiguous | size << 10
  }

  @inlinable public func restrictions(of entry: UInt64, at level: TableLevel) -> Restrictions { [] }

  @inlinable
  public func rights(of leaf: UInt64, at level: TableLevel, under restrictions: Restrictions) -> EffectiveRights {
    let entry = RISCVEntry(rawValue: leaf)
    guard entry.isAccessed || controls.setsAccessedAndDirty else { return [] }
    let reads = entry.isReadable || controls.executableIsReadable && entry.isExecutable
    let writes = entry.isWritable && (entry.isDirty || controls.setsAccessedAndDirty)
    var rights: EffectiveRights = []
    if !entry.isUser || controls.permitsUserAccess {
      if reads { rights.formUnion(.supervisorRead) }
      if writes { rights.formUnion(.supervisorWrite) }
    }
    if !entry.isUser {
      if entry.isExecutable { rights.formUnion(.supervisorExecute) }
      return rights
    }
    if reads { rights.formUnion(.userRead) }
    if writes { rights.formUnion(.userWrite) }
    if entry.isExecutable { rights.formUnion(.userExecute) }
    return rights
  }

  @inlinable public func attributes(of leaf: UInt64, at level: TableLevel) -> PageAttributes {
    let entry = RISCVEntry(rawValue: leaf)
    return PageAttributes(
      memoryType: entry.memoryType, isGlobal: entry.isGlobal, isContiguous: entry.isContiguous)
  }

  /// PMA (0) leaves it to the platform, whose main memory is write-back; IO (2) is Svpbmt's uncacheable.
  public func policy(of memoryType: MemoryTypeIndex) -> CachePolicy? {
    switch memoryType.rawValue {
    case 0: .writeBack
    case 2: .uncacheable
    default: nil
    }
  }
}
