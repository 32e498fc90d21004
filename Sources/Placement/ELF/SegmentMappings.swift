import AddressSpace
import Addresses
import KernelImage

/// Turns placed segments into mappings of whole pages, each with its own rights.
///
/// Where two segments share a page, that page becomes a mapping of its own with the rights of both:
///
///     segments   |  text r-x    |rodata r--|      | data rw-   |
///     pages      |page|page|page|page|page |      |page|page|
///     mappings   |--- r-x ------|r-x |-r-- |      |--- rw- -|
struct SegmentMappings {
  private(set) var intents: [MappingIntent] = []

  /// Segments come in ascending virtual order and do not overlap.
  mutating func add(
    _ segment: borrowing ProgramHeader, at virtual: VirtualRange, _ physical: PhysicalAddress
  ) throws(PlanError) {
    guard virtual.start.value & 0xfff == physical.value & 0xfff else {
      throw PlanError(
        .misaligned,
        """
        program header \(segment.index): virtual \(hex: virtual.start) and physical \(hex: physical) differ \
        modulo 4 KiB: no page can map one to the other
        """,
        help: "choose a physical place that is congruent to the link address modulo 4 KiB")
    }
    guard let pages = virtual.alignedOut(to: .page4KiB), pages.endValue != 0 || pages.count.value < 1 << 47 else {
      throw PlanError(.notUsable, "program header \(segment.index): \(hex: virtual) cannot be mapped in whole pages")
    }
    try add(
      pages, physical.alignedDown(to: .page4KiB), Self.access(segment.flags), text("segment \(segment.index)"))
  }

  @inline(never) private mutating func add(
    _ pages: VirtualRange, _ physical: PhysicalAddress, _ access: Access, _ name: String
  ) throws(PlanError) {
    guard let previous = intents.last, previous.virtual.overlaps(pages) else {
      return append(pages.start.value, pages.count.value, physical.value, access, name)
    }
    // Segments do not overlap, so that at most the last page of the one and the first of the other are the same.
    let shared = pages.start.value
    let before = previous.virtual.start.value
    let physicalBefore = previous.physical.value &+ (shared &- before)
    guard physicalBefore == physical.value else {
      throw PlanError(
        .overlap,
        """
        \(previous.name) and \(name) share the page at \(hex: shared), but lie at physical \(hex: physicalBefore) and \
        \(hex: physical): one virtual page cannot show two
        """,
        help: "align segments to 4 KiB, or keep p_vaddr - p_paddr the same for both")
    }
    intents.removeLast()
    let page = ByteCount.kibibytes(4).value
    append(before, previous.virtual.count.value - page, previous.physical.value, previous.access, previous.name)
    append(
      shared, page, physicalBefore, Self.union(previous.access, access), text("\(previous.name), \(name)"))
    append(shared &+ page, pages.count.value - page, physical.value &+ page, access, name)
  }

  @inline(never) private mutating func append(
    _ virtual: UInt64, _ count: UInt64, _ physical: UInt64, _ access: Access, _ name: String
  ) {
    guard count > 0 else { return }
    intents.add(
      MappingIntent(
        virtual: VirtualRange(uncheckedStart: VirtualAddress(virtual), count: ByteCount(count)),
        physical: PhysicalAddress(physical), access: access, name: name))
  }

  private static func access(_ flags: SegmentFlags) -> Access {
    switch (flags.contains(.write), flags.contains(.execute)) {
    case (false, false): .read
    case (true, false): .readWrite
    case (false, true): .readExecute
    case (true, true): .readWriteExecute(because: .segmentFlags)
    }
  }

  private static func union(_ one: Access, _ other: Access) -> Access {
    if one == other { return one }
    if case .readWriteExecute = one { return one }
    if case .readWriteExecute = other { return other }
    switch (one.isWritable || other.isWritable, one.isExecutable || other.isExecutable) {
    case (false, false): return .read
    case (true, false): return .readWrite
    case (false, true): return .readExecute
    case (true, true): return .readWriteExecute(because: .sharedPage)
    }
  }
}
