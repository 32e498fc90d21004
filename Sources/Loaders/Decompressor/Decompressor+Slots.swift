public import Addresses

extension Decompressor {
  /// Every place that KASLR draws one from, each as likely as the others: arithmetic progressions.
  public struct Slots<Place: Address>: Hashable, Sendable {
    public struct Area: Hashable, Sendable {
      public var start: Place
      /// At least 1.
      public var count: UInt64
    }

    /// In the order in which they were found.
    public private(set) var areas: [Area] = []
    /// From one slot of an area to the next, in bytes.
    public let step: UInt64
    public private(set) var total: UInt64 = 0

    init(step: UInt64) { self.step = step }

    public var first: Place? { areas.first?.start }

    public var last: Place? { areas.last.map { Place(truncating: $0.start.value &+ ($0.count &- 1) &* step) } }

    public func contains(_ place: Place) -> Bool {
      areas.contains { area in
        guard place >= area.start, step > 0 else { return false }
        let distance = place.value - area.start.value
        return distance % step == 0 && distance / step < area.count
      }
    }

    mutating func append(_ start: UInt64, count: UInt64) {
      areas.append(Area(start: Place(truncating: start), count: count))
      total &+= count
    }
  }

  /// MAX_SLOT_AREA: the search ends when so many areas were found.
  static var mostAreas: Int { 100 }
}

/// `find_random_phys_addr`: the places in usable memory that nothing handed over reaches into.
struct DecompressorSlotSearch {
  typealias Span = (start: UInt64, size: UInt64)

  /// The lowest address of a slot.
  let minimum: UInt64
  /// What an image takes, in bytes.
  let needed: UInt64
  /// The first address that no image may reach.
  let limit: UInt64
  let avoided: [Span]
  /// How many pages of 1 GiB are left for `hugepages=`.
  private var hugePages: UInt64
  private(set) var slots: Decompressor.Slots<PhysicalAddress>

  init(
    minimum: UInt64, needed: UInt64, step: UInt64, avoided: [Span], options: DecompressorCommandLine
  ) {
    self.minimum = minimum
    self.needed = needed
    limit = options.memoryLimit
    self.avoided = avoided + options.avoided
    hugePages = options.hugePages
    slots = Decompressor.Slots(step: step)
  }

  mutating func search(_ usable: [PhysicalRange]) {
    guard minimum <= limit, needed <= limit - minimum, slots.step > 0, needed > 0 else { return }
    for range in usable where slots.areas.count < Decompressor.mostAreas {
      search(from: max(range.start.value, minimum), to: min(range.endValue, limit))
    }
  }

  /// `__process_mem_region`. Each turn goes on behind one avoided range more, so that there are no more turns than those.
  private mutating func search(from low: UInt64, to end: UInt64) {
    var start = low
    for _ in 0...avoided.count where slots.areas.count < Decompressor.mostAreas {
      let (sum, overflow) = start.addingReportingOverflow(slots.step - 1)
      start = sum / slots.step * slots.step
      guard !overflow, start <= end, end - start >= needed else { return }
      guard let overlap = lowestOverlap(start, end) else { return store(start, end) }
      if overlap.start >= start, overlap.start - start >= needed { store(start, overlap.start) }
      start = overlap.start &+ overlap.size
    }
  }

  /// `mem_avoid_overlap`: of those that overlap the one that begins lowest.
  private func lowestOverlap(_ start: UInt64, _ end: UInt64) -> Span? {
    var lowest: Span?
    for other in avoided where other.start < end && start < other.start &+ other.size {
      if other.start < lowest?.start ?? end { lowest = other }
    }
    return lowest
  }

  /// `process_gb_huge_pages`: leaves as many whole pages of 1 GiB as were asked for.
  private mutating func store(_ start: UInt64, _ end: UInt64) {
    let page: UInt64 = 1 << 30
    let first = start.roundedUp(to: page)
    var last = end & ~(page - 1)
    guard hugePages > 0, first < last else { return append(start, end) }
    if first - start >= needed { append(start, first) }
    let taken = min(hugePages, (last - first) / page)
    if taken < (last - first) / page { last = first + taken * page }
    hugePages -= taken
    if end - last >= needed { append(last, end) }
  }

  private mutating func append(_ start: UInt64, _ end: UInt64) {
    guard slots.areas.count < Decompressor.mostAreas else { return }
    slots.append(start, count: 1 + (end - start - needed) / slots.step)
  }
}
