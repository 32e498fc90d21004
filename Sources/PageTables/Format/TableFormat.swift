public import AddressSpace
public import Addresses

/// What the entries of a mode's tables mean, and how they are made. The walk, the verbs and the budget are the same for
/// every mode; a format is all that differs.
///
/// An entry is held in 64 bits; where a mode's entries have 32, the upper half is 0.
public protocol TableFormat: Hashable, Sendable {
  var mode: PagingMode { get }
  var geometry: TableGeometry { get }

  /// Reads an entry as the processor does.
  func decode(_ entry: UInt64, at level: TableLevel) -> EntryMeaning
  /// What a table entry takes away from all that lies below it.
  func restrictions(of entry: UInt64, at level: TableLevel) -> Restrictions
  /// What a leaf grants below tables that have taken `restrictions` away.
  func rights(of leaf: UInt64, at level: TableLevel, under restrictions: Restrictions) -> EffectiveRights
  func attributes(of leaf: UInt64, at level: TableLevel) -> PageAttributes
  /// The policy that a memory type stands for, where it is one that Perch plans.
  func policy(of memoryType: MemoryTypeIndex) -> CachePolicy?

  /// Where a leaf of this level keeps the part of its address that counts up from one neighbour to the next.
  func addressField(at level: TableLevel) -> AddressField
  /// Bits of a leaf that change nothing about what an access may do or where it goes: accessed, dirty, software's own.
  func insignificantBits(at level: TableLevel) -> UInt64

  /// Whether entries of this level can be pages.
  func allowsPages(at level: TableLevel) -> Bool
  /// An entry of this level that points to a table and takes nothing away from the pages below; but unless `user`, it
  /// keeps users away, where the mode can.
  func tableEntry(to table: PhysicalAddress, at level: TableLevel, user: Bool) -> UInt64
  /// An entry that maps a page. The address is a multiple of the page's size and at most ``greatestAddress(at:)``.
  func pageEntry(to page: PhysicalAddress, at level: TableLevel, as kind: PageKind) -> UInt64
  /// The last byte that a leaf of this level can map.
  func greatestAddress(at level: TableLevel) -> UInt64

  /// The same entry granting another access to those that could use it before; nothing else changes.
  func granting(_ access: Access, in leaf: UInt64, at level: TableLevel) -> UInt64
  /// The first of the smaller pages that map what `leaf` maps; each next one is ``addressField(at:)``'s step further. Nil
  /// where smaller pages cannot hold the address.
  func splitting(_ leaf: UInt64, at level: TableLevel) -> UInt64?

  /// How many neighbours of this level a TLB may hold as one; 1 where it has no such hint.
  func contiguousCount(at level: TableLevel) -> Int
  /// Whether the members of a group are equal, instead of counting up.
  var groupsAreAlike: Bool { get }
  /// The entry as member of a group, or not. `index` is its place in the group.
  func grouping(_ leaf: UInt64, at level: TableLevel, isMember: Bool, index: Int) -> UInt64
}

/// What an entry says at the level it stands on.
public enum EntryMeaning: Hashable, Sendable {
  /// Nothing is mapped here, and the other bits mean nothing.
  case absent
  case table(PhysicalAddress)
  /// A page of `size` bytes from a multiple of it. A size above the level's own is that of a group of entries.
  case page(PhysicalAddress, PageSize)
  /// Bits that must be zero are not, or the encoding is reserved; the processor answers a use of this entry with a fault.
  case reserved(bits: UInt64)
}

/// Where the low part of a leaf's address lies in the entry.
public struct AddressField: Hashable, Sendable {
  /// The bits of the entry that count up.
  public let mask: UInt64
  /// What is added to the entry from one page to the next.
  public let step: UInt64

  @inlinable public init(mask: UInt64, step: UInt64) {
    self.mask = mask
    self.step = step
  }
}

/// What a new page is to be.
public struct PageKind: Hashable, Sendable {
  public var access: Access
  public var cache: CachePolicy
  public var isUser: Bool
  public var isGlobal: Bool

  @inlinable
  public init(_ access: Access, cache: CachePolicy = .writeBack, isUser: Bool = false, isGlobal: Bool = false) {
    self.access = access
    self.cache = cache
    self.isUser = isUser
    self.isGlobal = isGlobal
  }
}

extension MappingIntent {
  /// The intent without its place.
  public var kind: PageKind { PageKind(access, cache: cache, isUser: isUser, isGlobal: isGlobal) }
}

extension TableFormat {
  /// What a page of this kind grants when nothing above it takes anything away.
  public func rights(of kind: PageKind) -> EffectiveRights {
    let entry = pageEntry(to: PhysicalAddress(unchecked: 0), at: .pageTable, as: kind)
    return rights(of: entry, at: .pageTable, under: kind.isUser ? [] : .noUser)
  }

  /// The memory type that a page of this policy gets.
  public func memoryType(of cache: CachePolicy) -> MemoryTypeIndex {
    let entry = pageEntry(to: PhysicalAddress(unchecked: 0), at: .pageTable, as: PageKind(.read, cache: cache))
    return attributes(of: entry, at: .pageTable).memoryType
  }
}
