public import AddressSpace
public import Addresses

/// The format of any mode, for those who learn the mode at run time. Where the mode is known, the format itself is
/// faster.
public enum PagingFormat: TableFormat {
  case i386(I386Format)
  case pae(PAEFormat)
  case x86_64(X86_64Format)
  case aarch64(AArch64Format)
  case riscv(RISCVFormat)

  /// The format of a mode on a processor that can do what the mode allows.
  public init(_ mode: PagingMode) {
    switch mode {
    case .i386: self = .i386(I386Format())
    case .pae: self = .pae(PAEFormat())
    case .x86_64FourLevel: self = .x86_64(X86_64Format())
    case .x86_64FiveLevel: self = .x86_64(X86_64Format(fiveLevels: true))
    case .aarch64(let paging): self = .aarch64(AArch64Format(paging))
    case .riscv(let paging): self = .riscv(RISCVFormat(paging))
    }
  }

  public var mode: PagingMode {
    switch self {
    case .i386(let format): format.mode
    case .pae(let format): format.mode
    case .x86_64(let format): format.mode
    case .aarch64(let format): format.mode
    case .riscv(let format): format.mode
    }
  }

  public var geometry: TableGeometry {
    switch self {
    case .i386(let format): format.geometry
    case .pae(let format): format.geometry
    case .x86_64(let format): format.geometry
    case .aarch64(let format): format.geometry
    case .riscv(let format): format.geometry
    }
  }

  public func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning {
    switch self {
    case .i386(let format): format.decode(entry, at: level)
    case .pae(let format): format.decode(entry, at: level)
    case .x86_64(let format): format.decode(entry, at: level)
    case .aarch64(let format): format.decode(entry, at: level)
    case .riscv(let format): format.decode(entry, at: level)
    }
  }

  public func restrictions(of entry: UInt64, at level: TableLevel) -> Restrictions {
    switch self {
    case .i386(let format): format.restrictions(of: entry, at: level)
    case .pae(let format): format.restrictions(of: entry, at: level)
    case .x86_64(let format): format.restrictions(of: entry, at: level)
    case .aarch64(let format): format.restrictions(of: entry, at: level)
    case .riscv(let format): format.restrictions(of: entry, at: level)
    }
  }

  public func rights(of leaf: UInt64, at level: TableLevel, under restrictions: Restrictions) -> EffectiveRights {
    switch self {
    case .i386(let format): format.rights(of: leaf, at: level, under: restrictions)
    case .pae(let format): format.rights(of: leaf, at: level, under: restrictions)
    case .x86_64(let format): format.rights(of: leaf, at: level, under: restrictions)
    case .aarch64(let format): format.rights(of: leaf, at: level, under: restrictions)
    case .riscv(let format): format.rights(of: leaf, at: level, under: restrictions)
    }
  }

  public func attributes(of leaf: UInt64, at level: TableLevel) -> PageAttributes {
    switch self {
    case .i386(let format): format.attributes(of: leaf, at: level)
    case .pae(let format): format.attributes(of: leaf, at: level)
    case .x86_64(let format): format.attributes(of: leaf, at: level)
    case .aarch64(let format): format.attributes(of: leaf, at: level)
    case .riscv(let format): format.attributes(of: leaf, at: level)
    }
  }

  public func policy(of memoryType: MemoryTypeIndex) -> CachePolicy? {
    switch self {
    case .i386(let format): format.policy(of: memoryType)
    case .pae(let format): format.policy(of: memoryType)
    case .x86_64(let format): format.policy(of: memoryType)
    case .aarch64(let format): format.policy(of: memoryType)
    case .riscv(let format): format.policy(of: memoryType)
    }
  }

  public func addressField(at level: TableLevel) -> AddressField {
    switch self {
    case .i386(let format): format.addressField(at: level)
    case .pae(let format): format.addressField(at: level)
    case .x86_64(let format): format.addressField(at: level)
    case .aarch64(let format): format.addressField(at: level)
    case .riscv(let format): format.addressField(at: level)
    }
  }

  public func insignificantBits(at level: TableLevel) -> UInt64 {
    switch self {
    case .i386(let format): format.insignificantBits(at: level)
    case .pae(let format): format.insignificantBits(at: level)
    case .x86_64(let format): format.insignificantBits(at: level)
    case .aarch64(let format): format.insignificantBits(at: level)
    case .riscv(let format): format.insignificantBits(at: level)
    }
  }

  public func allowsPages(at level: TableLevel) -> Bool {
    switch self {
    case .i386(let format): format.allowsPages(at: level)
    case .pae(let format): format.allowsPages(at: level)
    case .x86_64(let format): format.allowsPages(at: level)
    case .aarch64(let format): format.allowsPages(at: level)
    case .riscv(let format): format.allowsPages(at: level)
    }
  }

  public func tableEntry(to table: PhysicalAddress, at level: TableLevel, user: Bool) -> UInt64 {
    switch self {
    case .i386(let format): format.tableEntry(to: table, at: level, user: user)
    case .pae(let format): format.tableEntry(to: table, at: level, user: user)
    case .x86_64(let format): format.tableEntry(to: table, at: level, user: user)
    case .aarch64(let format): format.tableEntry(to: table, at: level, user: user)
    case .riscv(let format): format.tableEntry(to: table, at: level, user: user)
    }
  }

  public func pageEntry(to page: PhysicalAddress, at level: TableLevel, as kind: PageKind) -> UInt64 {
    switch self {
    case .i386(let format): format.pageEntry(to: page, at: level, as: kind)
    case .pae(let format): format.pageEntry(to: page, at: level, as: kind)
    case .x86_64(let format): format.pageEntry(to: page, at: level, as: kind)
    case .aarch64(let format): format.pageEntry(to: page, at: level, as: kind)
    case .riscv(let format): format.pageEntry(to: page, at: level, as: kind)
    }
  }

  public func greatestAddress(at level: TableLevel) -> UInt64 {
    switch self {
    case .i386(let format): format.greatestAddress(at: level)
    case .pae(let format): format.greatestAddress(at: level)
    case .x86_64(let format): format.greatestAddress(at: level)
    case .aarch64(let format): format.greatestAddress(at: level)
    case .riscv(let format): format.greatestAddress(at: level)
    }
  }

  public func granting(_ access: Access, in leaf: UInt64, at level: TableLevel) -> UInt64 {
    switch self {
    case .i386(let format): format.granting(access, in: leaf, at: level)
    case .pae(let format): format.granting(access, in: leaf, at: level)
    case .x86_64(let format): format.granting(access, in: leaf, at: level)
    case .aarch64(let format): format.granting(access, in: leaf, at: level)
    case .riscv(let format): format.granting(access, in: leaf, at: level)
    }
  }

  public func splitting(_ leaf: UInt64, at level: TableLevel) -> UInt64? {
    switch self {
    case .i386(let format): format.splitting(leaf, at: level)
    case .pae(let format): format.splitting(leaf, at: level)
    case .x86_64(let format): format.splitting(leaf, at: level)
    case .aarch64(let format): format.splitting(leaf, at: level)
    case .riscv(let format): format.splitting(leaf, at: level)
    }
  }

  public func contiguousCount(at level: TableLevel) -> Int {
    switch self {
    case .i386(let format): format.contiguousCount(at: level)
    case .pae(let format): format.contiguousCount(at: level)
    case .x86_64(let format): format.contiguousCount(at: level)
    case .aarch64(let format): format.contiguousCount(at: level)
    case .riscv(let format): format.contiguousCount(at: level)
    }
  }

  public var groupsAreAlike: Bool {
    switch self {
    case .i386(let format): format.groupsAreAlike
    case .pae(let format): format.groupsAreAlike
    case .x86_64(let format): format.groupsAreAlike
    case .aarch64(let format): format.groupsAreAlike
    case .riscv(let format): format.groupsAreAlike
    }
  }

  public func grouping(_ leaf: UInt64, at level: TableLevel, isMember: Bool, index: Int) -> UInt64 {
    switch self {
    case .i386(let format): format.grouping(leaf, at: level, isMember: isMember, index: index)
    case .pae(let format): format.grouping(leaf, at: level, isMember: isMember, index: index)
    case .x86_64(let format): format.grouping(leaf, at: level, isMember: isMember, index: index)
    case .aarch64(let format): format.grouping(leaf, at: level, isMember: isMember, index: index)
    case .riscv(let format): format.grouping(leaf, at: level, isMember: isMember, index: index)
    }
  }
}
