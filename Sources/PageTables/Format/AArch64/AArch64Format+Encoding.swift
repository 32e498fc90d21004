public import AddressSpace
public import Addresses

extension AArch64Format {
  /// Tables take nothing away: APTable, UXNTable and PXNTable are 0.
  @inlinable public func tableEntry(to table: PhysicalAddress, at level: TableLevel, user: Bool) -> UInt64 {
    encode(table.value) | AArch64Entry.Bit.valid | AArch64Entry.Bit.table
  }

  @inlinable public func pageEntry(to page: PhysicalAddress, at level: TableLevel, as kind: PageKind) -> UInt64 {
    var bits = encode(page.value) | AArch64Entry.Bit.valid | AArch64Entry.Bit.accessed
    if level == .pageTable { bits |= AArch64Entry.Bit.table }
    if kind.isUser { bits |= AArch64Entry.Bit.user }
    if !kind.isGlobal { bits |= AArch64Entry.Bit.notGlobal }
    bits |= attributeIndex(of: kind.cache) << 2
    if !sharesAddressBits, kind.cache == .writeBack { bits |= AArch64Entry.Bit.innerShareable }
    return bits | accessBits(kind.access, isUser: kind.isUser)
  }

  /// AP[2], PXN and UXN: only those whose page it is execute it.
  @inlinable func accessBits(_ access: Access, isUser: Bool) -> UInt64 {
    var bits = access.isWritable ? 0 : AArch64Entry.Bit.readOnly
    if !access.isExecutable || isUser { bits |= AArch64Entry.Bit.privilegedExecuteNever }
    if !access.isExecutable || !isUser { bits |= AArch64Entry.Bit.userExecuteNever }
    return bits
  }

  /// The first byte of MAIR_EL1 that has the policy, or 0.
  @inlinable func attributeIndex(of cache: CachePolicy) -> UInt64 {
    for index in 0..<8 as Range<UInt64> {
      let attribute = (controls.memoryAttributes >> (8 &* index)) & 0xff
      if cache == .writeBack ? attribute == 0xff : attribute & 0xf3 == 0 { return index }
    }
    return 0
  }

  @inlinable public func greatestAddress(at level: TableLevel) -> UInt64 {
    (1 << UInt64(min(controls.physicalBits, paging.hasLargeAddresses ? 52 : 48))) &- 1
  }

  /// Up to bit 47, or 49 under DS, addresses count in place.
  @inlinable public func addressField(at level: TableLevel) -> AddressField {
    let step = 1 << geometry.shift(of: level) as UInt64
    let top = min(sharesAddressBits ? 50 : 48, UInt64(controls.physicalBits))
    return AddressField(mask: ((1 << top) &- 1) & ~(step &- 1), step: step)
  }

  @inlinable public func insignificantBits(at level: TableLevel) -> UInt64 {
    AArch64Entry.Bit.software | (controls.setsAccessFlag ? AArch64Entry.Bit.accessed : 0)
  }

  @inlinable public func granting(_ access: Access, in leaf: UInt64, at level: TableLevel) -> UInt64 {
    let bits = AArch64Entry.Bit.readOnly | AArch64Entry.Bit.privilegedExecuteNever | AArch64Entry.Bit.userExecuteNever
    // Under HD, DBM with AP[2] means writable and clean.
    let modifier = access.isWritable ? 0 : AArch64Entry.Bit.dirtyBitModifier
    return leaf & ~(bits | modifier) | accessBits(access, isUser: AArch64Entry(rawValue: leaf).isUser)
  }

  /// The last level spells a page as the others spell a table.
  @inlinable public func splitting(_ leaf: UInt64, at level: TableLevel) -> UInt64? {
    let plain = leaf & ~AArch64Entry.Bit.contiguous
    return level == .pageDirectory ? plain | AArch64Entry.Bit.table : plain
  }

  /// Arm ARM, table D8-65: 16 with 4 KiB, at levels 3 to 1; 128 and 32 with 16 KiB, 32 with 64 KiB, at levels 3 and 2.
  @inlinable public func contiguousCount(at level: TableLevel) -> Int {
    switch paging.granule {
    case .size4KiB: level.rawValue <= 3 ? 16 : 1
    case .size16KiB: level == .pageTable ? 128 : level == .pageDirectory ? 32 : 1
    case .size64KiB: level.rawValue <= 2 ? 32 : 1
    }
  }

  @inlinable public var groupsAreAlike: Bool { false }

  @inlinable public func grouping(_ leaf: UInt64, at level: TableLevel, isMember: Bool, index: Int) -> UInt64 {
    isMember ? leaf | AArch64Entry.Bit.contiguous : leaf & ~AArch64Entry.Bit.contiguous
  }

  @inlinable func encode(_ address: UInt64) -> UInt64 {
    AArch64Entry.encode(address, granule: paging.granule, isLarge: paging.hasLargeAddresses)
  }
}
