public import Addresses

/// How one address is translated, with every entry on the way.
public struct Translation: Hashable, Sendable {
  /// One entry that the walk read, root first.
  public struct Step: Hashable, Sendable {
    public let level: TableLevel
    public let entryAddress: PhysicalAddress
    public let entry: X86_64Entry
  }

  public let address: VirtualAddress
  public let steps: [Step]
  public let outcome: Resolution
}

/// The end of a walk.
public enum Resolution: Hashable, Sendable {
  case mapped(MappedByte)
  case fault(WalkFault)
}

/// Where a virtual address leads.
public struct MappedByte: Hashable, Sendable {
  /// The physical address of the very byte.
  public let physical: PhysicalAddress
  /// The size of the page that holds it.
  public let pageSize: PageSize
  public let rights: EffectiveRights
  public let memoryType: MemoryTypeIndex

  public init(
    physical: PhysicalAddress, pageSize: PageSize, rights: EffectiveRights, memoryType: MemoryTypeIndex
  ) {
    self.physical = physical
    self.pageSize = pageSize
    self.rights = rights
    self.memoryType = memoryType
  }
}

/// Why a virtual address leads nowhere, or why a table cannot be followed.
public struct WalkFault: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// Bits 63:47 of the virtual address are not all alike.
    case notCanonical
    /// The entry's P bit is 0.
    case notPresent
    /// The entry has bits set that must be zero.
    case reservedBits(UInt64)
    /// The entry's address lies where there is no memory.
    case outsideMemory
    /// The walk has visited as many tables as it was allowed; what lies from `virtual` on was not looked at.
    case tableLimit
  }

  public let reason: Reason
  /// The level of the table at which the walk ended.
  public let level: TableLevel
  /// The first virtual address that it concerns.
  public let virtual: VirtualAddress
  /// The physical address of the entry, or of the table that lies outside memory.
  public let entryAddress: PhysicalAddress
  /// The entry; 0 where none was read.
  public let value: UInt64
}
