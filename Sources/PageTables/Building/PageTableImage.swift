public import AddressSpace
public import Addresses

/// The finished tables of an address space, ready to be copied to their physical place.
public struct PageTableImage: Sendable {
  /// What the root register (CR3) gets.
  public let root: PhysicalAddress
  /// Frame by frame from `root` upwards, level after level: the PML4, the PDPTs, the PDs, the PTs.
  public let bytes: [UInt8]
  public let budget: PageTableBudget

  /// The physical memory that the tables take.
  public var range: PhysicalRange { PhysicalRange(uncheckedStart: root, count: ByteCount(UInt64(bytes.count))) }

  /// Builds the tables of `space` in contiguous frames from `base`, root first.
  ///
  /// - Precondition: `base` is a multiple of 4 KiB, and ``PageTableBudget/byteCount`` bytes from there lie within the
  ///   52 bits of physical addresses.
  public init(building space: AddressSpace, at base: PhysicalAddress) {
    let budget = PageTableBudget(for: space)
    precondition(base.isAligned(to: .page4KiB), "tables start on a frame")
    precondition(PhysicalRange(start: base, count: budget.byteCount) != nil, "tables lie in physical memory")
    var builder = X86_64TableBuilder(budget: budget, base: base)
    for mapping in space.mappings {
      for stretch in mapping.pageStretches {
        builder.map(stretch, access: mapping.access, cache: mapping.cache)
      }
    }
    precondition(builder.usedFrames == budget.framesByLevel, "the budget is exact")
    root = base
    bytes = builder.takeBytes()
    self.budget = budget
  }
}
