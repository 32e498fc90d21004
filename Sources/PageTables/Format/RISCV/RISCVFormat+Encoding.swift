public import Addresses

extension RISCVFormat {
  @inlinable public func tableEntry(to table: PhysicalAddress, at level: TableLevel, user: Bool) -> UInt64 {
    (table.value >> 2) & RISCVEntry.Bit.frame | RISCVEntry.Bit.valid
  }

  /// A, and D where it may be written, are set beforehand: a hart without Svadu would fault to have them set. Without
  /// Svpbmt every page has the memory type of its place.
  @inlinable public func pageEntry(to page: PhysicalAddress, at level: TableLevel, as kind: PageKind) -> UInt64 {
    var bits = (page.value >> 2) & RISCVEntry.Bit.frame | RISCVEntry.Bit.valid | RISCVEntry.Bit.accessed
    bits |= accessBits(kind.access)
    if kind.isUser { bits |= RISCVEntry.Bit.user }
    if kind.isGlobal { bits |= RISCVEntry.Bit.global }
    if kind.cache == .uncacheable, controls.hasMemoryTypes { bits |= 2 << 61 }
    return bits
  }

  @inlinable func accessBits(_ access: Access) -> UInt64 {
    RISCVEntry.Bit.read | (access.isWritable ? RISCVEntry.Bit.write | RISCVEntry.Bit.dirty : 0)
      | (access.isExecutable ? RISCVEntry.Bit.execute : 0)
  }

  @inlinable public func greatestAddress(at level: TableLevel) -> UInt64 { PhysicalAddress.greatest }

  @inlinable public func addressField(at level: TableLevel) -> AddressField {
    let step = (1 << geometry.shift(of: level)) >> 2 as UInt64
    return AddressField(mask: RISCVEntry.Bit.frame & ~(step &- 1), step: step)
  }

  @inlinable public func insignificantBits(at level: TableLevel) -> UInt64 {
    let hardware = controls.setsAccessedAndDirty ? RISCVEntry.Bit.accessed | RISCVEntry.Bit.dirty : 0
    return RISCVEntry.Bit.software | hardware
  }

  @inlinable public func granting(_ access: Access, in leaf: UInt64, at level: TableLevel) -> UInt64 {
    // D says what was written, and stays when writing is forbidden.
    leaf & ~RISCVEntry.Bit.access | accessBits(access)
  }

  @inlinable public func splitting(_ leaf: UInt64, at level: TableLevel) -> UInt64? { leaf }

  @inlinable public func contiguousCount(at level: TableLevel) -> Int {
    level == .pageTable && controls.hasContiguousPages ? 16 : 1
  }

  @inlinable public var groupsAreAlike: Bool { true }

  /// The members of a group are all alike, N with PPN[3:0] = 0b1000; alone, each has its own PPN.
  @inlinable public func grouping(_ leaf: UInt64, at level: TableLevel, isMember: Bool, index: Int) -> UInt64 {
    let place = UInt64(truncatingIfNeeded: index & 15) << 10
    let plain = leaf & ~(RISCVEntry.Bit.contiguous | 15 << 10)
    return isMember ? plain | RISCVEntry.Bit.contiguous | 8 << 10 : plain | place
  }
}
