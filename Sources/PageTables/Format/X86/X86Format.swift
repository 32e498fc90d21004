import AddressSpace
public import Addresses

/// What i386, PAE and the x86-64 modes have in common.
public protocol X86Format: TableFormat {
  var controls: X86Controls { get }
}

extension X86Format {
  @inlinable public func restrictions(of entry: UInt64, at level: TableLevel) -> Restrictions {
    // The PDPT of PAE, the only mode with three levels, has neither R/W nor U/S (Intel SDM vol. 3A, table 4-8).
    if level == .pageDirectoryPointer, geometry.levels == 3 { return [] }
    let entry = X86Entry(rawValue: entry)
    var taken: Restrictions = []
    if !entry.isWritable { taken.formUnion(.noWrite) }
    if !entry.isUser { taken.formUnion(.noUser) }
    if entry.isNoExecute { taken.formUnion([.noSupervisorExecute, .noUserExecute]) }
    return taken
  }

  @inlinable
  public func rights(of leaf: UInt64, at level: TableLevel, under restrictions: Restrictions) -> EffectiveRights {
    let taken = restrictions.union(self.restrictions(of: leaf, at: level))
    return controls.rights(
      isUser: !taken.contains(.noUser), isWritable: !taken.contains(.noWrite),
      isNoExecute: taken.contains(.noSupervisorExecute))
  }

  @inlinable public func attributes(of leaf: UInt64, at level: TableLevel) -> PageAttributes {
    let entry = X86Entry(rawValue: leaf)
    return PageAttributes(
      memoryType: entry.memoryType(at: level), isGlobal: entry.isGlobal, protectionKey: entry.protectionKey)
  }

  /// Entries 0 and 3 of the page attribute table are write-back and uncacheable after reset
  /// (IA32_PAT = 0x0007040600070406) and in Linux alike.
  public func policy(of memoryType: MemoryTypeIndex) -> CachePolicy? {
    switch memoryType.rawValue {
    case 0: .writeBack
    case 3: .uncacheable
    default: nil
    }
  }

  @inlinable public func insignificantBits(at level: TableLevel) -> UInt64 {
    X86Entry.Bit.accessed | X86Entry.Bit.dirty | X86Entry.Bit.software
  }

  @inlinable public func addressField(at level: TableLevel) -> AddressField {
    let step = 1 << geometry.shift(of: level) as UInt64
    let physical = (1 << UInt64(min(controls.physicalBits, 52))) &- 1 as UInt64
    return AddressField(mask: X86Entry.Bit.frame & physical & ~(step &- 1), step: step)
  }

  /// Accessed is set beforehand, so that the processor never writes to tables in read-only memory.
  @inlinable public func tableEntry(to table: PhysicalAddress, at level: TableLevel, user: Bool) -> UInt64 {
    let bits = X86Entry.Bit.present | X86Entry.Bit.writable | X86Entry.Bit.accessed
    return (table.value & X86Entry.Bit.frame) | bits | (user ? X86Entry.Bit.user : 0)
  }

  @inlinable public func pageEntry(to page: PhysicalAddress, at level: TableLevel, as kind: PageKind) -> UInt64 {
    var bits = (page.value & X86Entry.Bit.frame) | X86Entry.Bit.present | X86Entry.Bit.accessed
    if kind.access.isWritable { bits |= X86Entry.Bit.writable | X86Entry.Bit.dirty }
    if !kind.access.isExecutable, controls.noExecuteEnabled { bits |= X86Entry.Bit.noExecute }
    if kind.cache == .uncacheable { bits |= X86Entry.Bit.cacheDisabled | X86Entry.Bit.writeThrough }
    if kind.isUser { bits |= X86Entry.Bit.user }
    if kind.isGlobal { bits |= X86Entry.Bit.global }
    if level > .pageTable { bits |= X86Entry.Bit.pageSize }
    return bits
  }

  @inlinable public func greatestAddress(at level: TableLevel) -> UInt64 {
    (1 << UInt64(min(controls.physicalBits, 52))) &- 1
  }

  @inlinable public func granting(_ access: Access, in leaf: UInt64, at level: TableLevel) -> UInt64 {
    var bits = leaf & ~(X86Entry.Bit.writable | X86Entry.Bit.noExecute)
    if access.isWritable { bits |= X86Entry.Bit.writable }
    if !access.isExecutable, controls.noExecuteEnabled { bits |= X86Entry.Bit.noExecute }
    return bits
  }

  /// Going down to level 1, PS goes and PAT moves from bit 12 to bit 7.
  @inlinable public func splitting(_ leaf: UInt64, at level: TableLevel) -> UInt64? {
    guard level == .pageDirectory else { return leaf }
    let plain = leaf & ~(X86Entry.Bit.pageSize | X86Entry.Bit.largeAttribute)
    return leaf & X86Entry.Bit.largeAttribute == 0 ? plain : plain | X86Entry.Bit.pageSize
  }

  @inlinable public func contiguousCount(at level: TableLevel) -> Int { 1 }

  @inlinable public var groupsAreAlike: Bool { false }

  @inlinable public func grouping(_ leaf: UInt64, at level: TableLevel, isMember: Bool, index: Int) -> UInt64 { leaf }

  /// The bits of a present 64-bit entry that must be zero although the entry's kind leaves them to nobody else.
  @inlinable func commonReservedBits() -> UInt64 {
    let physical = (1 << UInt64(max(min(controls.physicalBits, 52), 12))) &- 1 as UInt64
    return (X86Entry.Bit.frame & ~physical) | (controls.noExecuteEnabled ? 0 : X86Entry.Bit.noExecute)
  }
}
