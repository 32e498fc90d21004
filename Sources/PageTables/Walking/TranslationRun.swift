public import Addresses

/// The longest stretch of addresses that are mapped alike: contiguous in both spaces, same page size, rights and
/// attributes.
public struct TranslationRun: Hashable, Sendable {
  public let virtual: VirtualRange
  /// The physical address behind `virtual.start`.
  public let physical: PhysicalAddress
  public let pageSize: PageSize
  public let rights: EffectiveRights
  public let attributes: PageAttributes

  @inlinable init(
    virtual: VirtualRange, physical: PhysicalAddress, pageSize: PageSize, rights: EffectiveRights,
    attributes: PageAttributes
  ) {
    self.virtual = virtual
    self.physical = physical
    self.pageSize = pageSize
    self.rights = rights
    self.attributes = attributes
  }
}

/// How a visit of all tables went.
public struct VisitSummary: Hashable, Sendable {
  /// How many tables were entered; a table that is reached twice counts twice.
  public var visitedTables = 0
  /// Entries that cannot be followed, and tables on the way to themselves.
  public var problemCount = 0
  /// Whether the visit saw everything, and not only what the table limit allowed.
  public var isComplete = true

  @inlinable public init() {}

  /// The default limit: enough for 128 GiB in 4 KiB pages, and walked within a second.
  @inlinable public static var tableLimit: Int { 1 << 18 }
}

/// A summary together with the first problems.
public struct WalkReport: Hashable, Sendable {
  /// In the order in which they were met; at most ``problemLimit`` are kept, the table limit among them.
  public var problems: [WalkFault] = []
  public var summary = VisitSummary()

  /// How many problems a report keeps.
  public static var problemLimit: Int { 64 }

  public init() {}
}
