public import Addresses

/// What should be visible where, before anybody thinks about bits.
public struct MappingIntent: Hashable, Sendable {
  /// The virtual bytes; start and length are multiples of the mode's smallest page.
  public var virtual: VirtualRange
  /// The physical address behind `virtual.start`; a multiple of the mode's smallest page.
  public var physical: PhysicalAddress
  public var access: Access
  public var cache: CachePolicy
  /// Whether unprivileged programs have this access too. Where the processor can tell the two apart, only they execute.
  public var isUser: Bool
  /// Whether the translation holds in every address space, so that it survives a change of the root register.
  public var isGlobal: Bool
  /// No page larger than this is used, even where the addresses would allow one.
  public var largestPage: PageSize
  /// Who asked for it: the name printed beside the range.
  public var name: String

  public init(
    virtual: VirtualRange, physical: PhysicalAddress, access: Access, cache: CachePolicy = .writeBack,
    isUser: Bool = false, isGlobal: Bool = false, largestPage: PageSize = .size2MiB, name: String
  ) {
    self.virtual = virtual
    self.physical = physical
    self.access = access
    self.cache = cache
    self.isUser = isUser
    self.isGlobal = isGlobal
    self.largestPage = largestPage
    self.name = name
  }

  /// The physical bytes behind the mapping.
  public var physicalRange: PhysicalRange {
    PhysicalRange(uncheckedStart: physical, count: virtual.count)
  }
}
