public import Addresses

/// What should be visible where, before anybody thinks about bits.
public struct MappingIntent: Hashable, Sendable {
  /// The virtual bytes; start and length are multiples of 4 KiB.
  public var virtual: VirtualRange
  /// The physical address behind `virtual.start`; a multiple of 4 KiB.
  public var physical: PhysicalAddress
  public var access: Access
  public var cache: CachePolicy
  /// No page larger than this is used, even where the addresses would allow one.
  public var largestPage: PageSize
  /// Who asked for it: the name printed beside the range.
  public var name: String

  public init(
    virtual: VirtualRange, physical: PhysicalAddress, access: Access, cache: CachePolicy = .writeBack,
    largestPage: PageSize = .size2MiB, name: String
  ) {
    self.virtual = virtual
    self.physical = physical
    self.access = access
    self.cache = cache
    self.largestPage = largestPage
    self.name = name
  }

  /// The physical bytes behind the mapping.
  public var physicalRange: PhysicalRange {
    PhysicalRange(uncheckedStart: physical, count: virtual.count)
  }
}
