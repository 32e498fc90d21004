import AddressSpace
import Addresses
import KernelImage

/// The physical place of a Linux kernel: as linked, by hand, the lowest slot, or a drawn one.
struct LinuxPhysicalPlace {
  /// The range that the kernel needs as usable memory.
  var range: PhysicalRange
  var slots: UInt64
  var decision: Decision

  /// A place that is known before anything else is allocated; nil when it is to be searched.
  static func fixed(
    geometry: LinuxGeometry, preferred: UInt64, request: PlanRequest, allocator: PhysicalAllocator
  ) throws(PlanError) -> PhysicalRange? {
    let wanted: UInt64
    switch request.physical ?? (request.seed == nil ? .asLinked : .any) {
    case .any: return nil
    case .asLinked: wanted = preferred
    case .at(let address): wanted = address.value
    case .inPlace:
      throw PlanError(
        .badRequest,
        """
        a Linux kernel is put at a multiple of its alignment \(hex: geometry.alignment.value), with room \
        behind it: it does not run in place
        """, help: "use --physical any")
    }
    guard wanted & geometry.alignment.mask == 0 else {
      throw PlanError(
        .misaligned,
        "physical place \(hex: wanted) is no multiple of the kernel's alignment \(hex: geometry.alignment.value)"
      )
    }
    guard wanted <= PagingMode.x86_64FourLevel.greatestPhysicalAddress,
      let range = PhysicalRange(start: PhysicalAddress(unchecked: wanted), count: geometry.room)
    else { throw PlanError(.notUsable, "physical place \(hex: wanted) leaves 52-bit physical memory") }
    guard allocator.isFree(range), range.endValue <= geometry.limit else {
      throw PlanError(
        .notUsable, "the kernel needs \(hex: range), which is not all usable memory",
        help: "usable: " + rangeList(allocator.free))
    }
    return range
  }

  init(
    fixed: PhysicalRange?, geometry: LinuxGeometry, request: PlanRequest, allocator: PhysicalAllocator,
    generator: inout SplitMix64?
  ) throws(PlanError) {
    if let fixed {
      range = fixed
      slots = 1
      let asked = if case .at = request.physical { "asked for" } else { "the image's preferred address" }
      decision = Decision("physical place", choice: "\(hex: fixed.start)", because: "\(asked)")
      return
    }
    // The decompressor starts its search at the preferred address, but never above 512 MiB.
    let floor = PhysicalAddress(truncating: min(geometry.linkPhysical, 512 << 20))
    let list = SlotList(
      free: allocator.free, room: geometry.room, step: geometry.alignment, floor: floor, limit: geometry.limit)
    slots = list.total
    guard list.total > 0 else {
      throw PlanError(
        .noRoom,
        """
        no free range holds the kernel's \(hex: geometry.room) bytes at or above \(hex: floor), aligned to \
        \(hex: geometry.alignment.value)
        """,
        help: "give the machine more memory; free: " + rangeList(allocator.free))
    }
    let slot = generator?.draw(below: list.total) ?? 0
    range = PhysicalRange(uncheckedStart: list[slot], count: geometry.room)
    decision = Decision(
      "physical place", choice: "\(hex: range.start)",
      because: "slot \(slot) of \(list.total): multiples of \(hex: geometry.alignment.value) from \(hex: floor) with "
        + "\(hex: geometry.room) free bytes behind",
      rejected: allocator.free.filter { free in !list.areas.contains { free.contains($0.start) } }.map {
        Decision.Rejected("\(hex: $0)", "too small, or below \(hex: floor)")
      })
  }
}
