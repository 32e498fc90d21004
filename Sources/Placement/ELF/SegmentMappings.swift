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
  /// A segment where it will be.
  struct Placed {
    var index: Int
    var flags: SegmentFlags
    var virtual: VirtualRange
    var physical: PhysicalAddress
  }

  private(set) var intents: [MappingIntent] = []

  /// The segments come in ascending virtual order and do not overlap.
  @inline(never) init(_ segments: [Placed]) throws(PlanError) {
    for segment in segments {
      guard segment.virtual.start.value & 0xfff == segment.physical.value & 0xfff else {
        throw PlanError(
          .misaligned,
          """
          program header \(segment.index): virtual \(hex: segment.virtual.start) and physical \(hex: segment.physical) differ \
          modulo 4 KiB: no page can map one to the other
          """,
          help: "choose a physical place that is congruent to the link address modulo 4 KiB")
      }
      guard let pages = segment.virtual.alignedOut(to: .page4KiB), pages.endValue != 0 || pages.count.value < 1 << 47
      else {
        throw PlanError(
          .notUsable, "program header \(segment.index): \(hex: segment.virtual) cannot be mapped in whole pages")
      }
      try add(
        MappingIntent(
          virtual: pages, physical: segment.physical.alignedDown(to: .page4KiB), access: Self.access(segment.flags),
          name: "segment \(segment.index)"))
    }
  }

  @inline(never) private mutating func add(_ intent: MappingIntent) throws(PlanError) {
    guard let previous = intents.last, previous.virtual.overlaps(intent.virtual) else {
      intents.add(intent)
      return
    }
    // Segments do not overlap, so that at most the last page of the one and the first of the other are the same.
    let shared = intent.virtual.start
    let physicalBefore = previous.physical.value &+ (shared.value &- previous.virtual.start.value)
    guard physicalBefore == intent.physical.value else {
      throw PlanError(
        .overlap,
        """
        \(previous.name) and \(intent.name) share the page at \(hex: shared), but lie at physical \(hex: physicalBefore) and \
        \(hex: intent.physical): one virtual page cannot show two
        """,
        help: "align segments to 4 KiB, or keep p_vaddr - p_paddr the same for both")
    }
    intents.removeLast()
    let page = ByteCount.kibibytes(4)
    append(previous, from: 0, count: previous.virtual.count.value - page.value)
    var both = previous
    both.access = Self.union(previous.access, intent.access)
    both.name = "\(previous.name), \(intent.name)"
    append(both, from: previous.virtual.count.value - page.value, count: page.value)
    append(intent, from: page.value, count: intent.virtual.count.value - page.value)
  }

  @inline(never) private mutating func append(_ intent: MappingIntent, from offset: UInt64, count: UInt64) {
    guard count > 0 else { return }
    var part = intent
    part.virtual = VirtualRange(
      uncheckedStart: VirtualAddress(intent.virtual.start.value &+ offset), count: ByteCount(count))
    part.physical = PhysicalAddress(intent.physical.value + offset)
    intents.add(part)
  }

  @inline(never) private static func access(_ flags: SegmentFlags) -> Access {
    switch (flags.contains(.write), flags.contains(.execute)) {
    case (false, false): .read
    case (true, false): .readWrite
    case (false, true): .readExecute
    case (true, true): .readWriteExecute(because: .segmentFlags)
    }
  }

  @inline(never) private static func union(_ one: Access, _ other: Access) -> Access {
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
