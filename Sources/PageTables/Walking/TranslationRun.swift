public import Addresses

/// The longest stretch of addresses that are mapped alike: contiguous in both spaces, same page size, rights and
/// memory type.
public struct TranslationRun: Hashable, Sendable {
  public internal(set) var virtual: VirtualRange
  /// The physical address behind `virtual.start`.
  public let physical: PhysicalAddress
  public let pageSize: PageSize
  public let rights: EffectiveRights
  public let memoryType: MemoryTypeIndex

  /// Takes `next` in where it continues this run.
  mutating func extend(by next: TranslationRun) -> Bool {
    guard virtual.endValue == next.virtual.start.value, pageSize == next.pageSize, rights == next.rights,
      memoryType == next.memoryType, physical.value &+ virtual.count.value == next.physical.value
    else { return false }
    virtual = VirtualRange(
      uncheckedStart: virtual.start, count: ByteCount(virtual.count.value &+ next.virtual.count.value))
    return true
  }
}

/// What a visit of all tables met besides runs.
public struct WalkReport: Hashable, Sendable {
  /// Entries that cannot be followed, in ascending order of virtual address; at most ``problemLimit`` are kept.
  public internal(set) var problems: [WalkFault] = []
  /// How many there were.
  public internal(set) var problemCount = 0
  /// How many tables were visited; a table that is reached twice counts twice.
  public internal(set) var visitedTables = 0
  /// Whether the visit saw everything, and not only what the table limit allowed.
  public internal(set) var isComplete = true

  /// How many problems a report keeps.
  public static var problemLimit: Int { 64 }

  mutating func note(_ fault: WalkFault) {
    problemCount += 1
    if problems.count < Self.problemLimit { problems.append(fault) }
  }
}
