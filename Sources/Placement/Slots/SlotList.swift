import Addresses

/// Every place where an image may start: arithmetic progressions, one for each free range that has room.
///
///     free range   |......[slot 0][slot 1]....[slot n]......|
///                         ^ start             ^ start + n × step; the image still fits behind it
struct SlotList {
  struct Area: Hashable {
    var start: PhysicalAddress
    var count: UInt64
  }

  let areas: [Area]
  let step: Alignment
  let total: UInt64

  /// The slots at addresses congruent to `phase` modulo `step`, at or above `floor`, whose `room` bytes lie in one of the
  /// free ranges below `limit`.
  init(
    free: [PhysicalRange], room: ByteCount, step: Alignment, phase: UInt64 = 0, floor: PhysicalAddress, limit: UInt64
  ) {
    var areas: [Area] = []
    var total: UInt64 = 0
    for range in free {
      let low = max(range.start, floor).value
      let start = low &+ ((phase &- low) & step.mask)
      let end = min(range.endValue, limit)
      guard start >= low, start <= end, end - start >= room.value, room.value > 0 else { continue }
      let count = 1 + (end - start - room.value) / step.value
      areas.add(Area(start: PhysicalAddress(truncating: start), count: count))
      total += count
    }
    self.areas = areas
    self.step = step
    self.total = total
  }

  /// The slot with this number, counted from the lowest.
  subscript(index: UInt64) -> PhysicalAddress {
    var rest = index
    for area in areas {
      if rest < area.count { return PhysicalAddress(truncating: area.start.value + rest * step.value) }
      rest -= area.count
    }
    preconditionFailure("a slot number is below the number of slots")
  }
}
