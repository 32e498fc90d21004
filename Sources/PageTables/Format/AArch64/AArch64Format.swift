public import AddressSpace
public import Addresses

/// VMSAv8-64 stage 1 of EL1&0 (Arm ARM, D8.2 and D8.3). Arm counts lookup levels from the root, -1 or 0 to 3; here they
/// are 5 to 1.
///
///     4 KiB granule                    51  48 47     39 38     30 29     21 20     12 11        0
///                                     ┌──────┬─────────┬─────────┬─────────┬─────────┬───────────┐
///                                     │ L-1* │ L0      │ L1      │ L2      │ L3      │ offset    │
///                                     └──────┴─────────┴─────────┴─────────┴─────────┴───────────┘
///                                             512 GiB*  1 GiB     2 MiB     4 KiB
///     16 KiB granule              51        47 46          36 35          25 24          14 13          0
///                                ┌────────────┬──────────────┬──────────────┬──────────────┬─────────────┐
///                                │ L0         │ L1           │ L2           │ L3           │ offset      │
///                                └────────────┴──────────────┴──────────────┴──────────────┴─────────────┘
///                                              64 GiB*        32 MiB         16 KiB
///     64 KiB granule              51           42 41             29 28             16 15              0
///                                ┌───────────────┬─────────────────┬─────────────────┬─────────────────┐
///                                │ L1            │ L2              │ L3              │ offset          │
///                                └───────────────┴─────────────────┴─────────────────┴─────────────────┘
///                                 4 TiB*          512 MiB           64 KiB
///
/// Bits above the width are all 0 (TTBR0) or all 1 (TTBR1). An asterisk: with large addresses only. The root has the
/// index bits that the width leaves to it, and where it leaves none to a level, that level is not there.
public struct AArch64Format: TableFormat {
  public let paging: AArch64Paging
  public let geometry: TableGeometry
  public let controls: AArch64Controls

  public init(_ paging: AArch64Paging, controls: AArch64Controls = AArch64Controls()) {
    self.paging = paging
    self.controls = controls
    let shift = paging.granule.rawValue
    geometry = TableGeometry(
      pageShift: shift, indexBits: shift - 3, virtualBits: paging.virtualBits,
      form: paging.half == .lower ? .zeroExtended : .oneExtended)
  }

  @inlinable public var mode: PagingMode { .aarch64(paging) }

  /// Blocks stand at the two levels above the last, and for those below level 2 in large addresses only: 4 KiB at
  /// levels 2 and 1 (0*), 16 KiB at 2 (1*), 64 KiB at 2 (1*).
  @inlinable public func allowsPages(at level: TableLevel) -> Bool {
    let highest = paging.granule == .size4KiB ? 3 : 2
    return level.rawValue <= highest &+ (paging.hasLargeAddresses ? 1 : 0)
  }

  @inlinable public func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning {
    let entry = AArch64Entry(rawValue: entry)
    guard entry.isValid else { return .absent }
    let isPage = level == .pageTable || !entry.hasTableBit
    guard level != .pageTable || entry.hasTableBit, !isPage || allowsPages(at: level) else {
      // 0b01 where no block may stand: reserved at the last level, not implemented above.
      return .reserved(bits: AArch64Entry.Bit.table)
    }
    let size = isPage ? geometry.pageSize(of: level) : geometry.pageSize(of: .pageTable)
    let address = entry.address(granule: paging.granule, isLarge: paging.hasLargeAddresses) & ~size.alignment.mask
    guard address >> UInt64(min(controls.physicalBits, 52)) == 0 else {
      return .reserved(bits: entry.rawValue & entry.upperAddressBits(paging, above: controls.physicalBits))
    }
    return isPage ? .page(PhysicalAddress(unchecked: address), size) : .table(PhysicalAddress(unchecked: address))
  }

  @inlinable public func restrictions(of entry: UInt64, at level: TableLevel) -> Restrictions {
    guard !controls.ignoresTableRestrictions else { return [] }
    let entry = AArch64Entry(rawValue: entry)
    var taken: Restrictions = []
    if entry.has(AArch64Entry.Bit.tableReadOnly) { taken.formUnion(.noWrite) }
    if entry.has(AArch64Entry.Bit.tableNoUser) { taken.formUnion(.noUser) }
    if entry.has(AArch64Entry.Bit.tablePrivilegedExecuteNever) { taken.formUnion(.noSupervisorExecute) }
    if entry.has(AArch64Entry.Bit.tableUserExecuteNever) { taken.formUnion(.noUserExecute) }
    return taken
  }

  /// Arm ARM, D8.4: direct permissions, then the hierarchical ones, then WXN and PAN; what EL0 may write, EL1 never
  /// executes.
  @inlinable
  public func rights(of leaf: UInt64, at level: TableLevel, under restrictions: Restrictions) -> EffectiveRights {
    let entry = AArch64Entry(rawValue: leaf)
    guard entry.isAccessed || controls.setsAccessFlag else { return [] }
    let setsDirtyState = controls.setsDirtyState && controls.setsAccessFlag
    let isClean = setsDirtyState && entry.has(AArch64Entry.Bit.dirtyBitModifier)
    let isWritable = (!entry.isReadOnly || isClean) && !restrictions.contains(.noWrite)
    let isUser = entry.isUser && !restrictions.contains(.noUser)
    let isWritableByUser = isUser && isWritable
    let writableNeverExecutes = controls.writableIsNeverExecutable
    var rights: EffectiveRights = []
    if !(isUser && controls.privilegedAccessNever) {
      rights.formUnion(isWritable ? [.supervisorRead, .supervisorWrite] : .supervisorRead)
    }
    if isUser { rights.formUnion(isWritable ? [.userRead, .userWrite] : .userRead) }
    if !entry.isPrivilegedExecuteNever, !restrictions.contains(.noSupervisorExecute), !isWritableByUser,
      !(writableNeverExecutes && isWritable)
    {
      rights.formUnion(.supervisorExecute)
    }
    if !entry.isUserExecuteNever, !restrictions.contains(.noUserExecute),
      !(writableNeverExecutes && isWritableByUser)
    {
      rights.formUnion(.userExecute)
    }
    return rights
  }

  @inlinable public func attributes(of leaf: UInt64, at level: TableLevel) -> PageAttributes {
    let entry = AArch64Entry(rawValue: leaf)
    return PageAttributes(
      memoryType: entry.attributeIndex, isGlobal: !entry.isNotGlobal, isContiguous: entry.isContiguous,
      shareability: sharesAddressBits ? 0 : entry.shareability)
  }

  /// Arm ARM, MAIR_EL1: 0xff is normal memory, write-back, allocating; 0b0000xx00 is a device.
  public func policy(of memoryType: MemoryTypeIndex) -> CachePolicy? {
    let attribute = (controls.memoryAttributes >> (8 &* UInt64(memoryType.rawValue & 7))) & 0xff
    if attribute == 0xff { return .writeBack }
    return attribute & 0xf3 == 0 ? .uncacheable : nil
  }

  /// Whether bits 9:8 are address bits 51:50 (TCR.DS) and shareability is TCR's alone.
  @inlinable var sharesAddressBits: Bool { paging.hasLargeAddresses && paging.granule != .size64KiB }
}
