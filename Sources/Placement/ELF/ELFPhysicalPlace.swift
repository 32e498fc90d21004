import AddressSpace
import Addresses
import KernelImage

/// Where a generic ELF kernel lies in memory.
struct ELFPhysicalPlace {
  /// What is added to each segment's position, modulo 2⁶⁴.
  var shift: UInt64
  var slots: UInt64 = 1
  var decision: Decision

  init(
    geometry: ELFGeometry, slide: Slide, request: PlanRequest, allocator: PhysicalAllocator,
    generator: inout SplitMix64?
  ) throws(PlanError) {
    let byDefault: PlanRequest.PhysicalPlace =
      request.seed != nil || geometry.reading.kind == .virtual ? .any : .asLinked
    switch request.physical ?? byDefault {
    case .asLinked:
      guard geometry.reading.kind == .physical else {
        throw PlanError(
          .notUsable, "the image names no physical place: \(geometry.reading.because)",
          help: "use --physical any, or an address")
      }
      shift = 0
      decision = Decision(
        "physical place", choice: hex(geometry.base),
        because: "as linked: the lowest p_paddr\(geometry.reading.offset == 0 ? "" : ", less the offset")")
    case .at(let address):
      shift = address.value &- geometry.base
      decision = Decision("physical place", choice: hex(address), because: "asked for")
    case .any:
      (shift, slots, decision) = try Self.search(geometry, slide: slide, allocator: allocator, generator: &generator)
    }
    try Self.check(geometry, shift: shift, allocator: allocator)
  }

  /// A place in one piece where every virtual address is congruent to its physical one modulo 2 MiB, else modulo 4 KiB.
  private static func search(
    _ geometry: ELFGeometry, slide: Slide, allocator: PhysicalAllocator, generator: inout SplitMix64?
  ) throws(PlanError) -> (UInt64, UInt64, Decision) {
    let lowest = geometry.segments.min { geometry.position(of: $0) < geometry.position(of: $1) }
    let virtual = lowest.map { slide.apply(to: $0.virtualAddress).value } ?? 0
    for step in [Alignment.page2MiB, .page4KiB] {
      // The pages at both ends are the image's own.
      let lead = geometry.base & 0xfff
      guard let room = geometry.span.adding(ByteCount(lead))?.alignedUp(to: .page4KiB) else { break }
      let list = SlotList(
        free: allocator.free, room: room, step: step, phase: (virtual & ~0xfff) & step.mask,
        floor: PhysicalAddress(PerchLoader.floor), limit: geometry.physicalLimit)
      guard list.total > 0 else { continue }
      let slot = generator?.draw(below: list.total) ?? 0
      let place = list[slot].value + lead
      let congruent = step == .page2MiB
      return (
        place &- geometry.base, list.total,
        Decision(
          "physical place", choice: hex(place),
          because:
            "slot \(slot) of \(list.total) where virtual and physical are congruent modulo \(congruent ? "2 MiB" : "4 KiB")",
          rejected: congruent
            ? [] : [Decision.Rejected("places congruent modulo 2 MiB", "none has \(hex(room)) free bytes")])
      )
    }
    throw PlanError(
      .noRoom, "no free range holds the image's \(hex(geometry.span)) bytes in one piece",
      help: "give the machine more memory; free: " + allocator.free.map { hex($0) }.joined(separator: ", "))
  }

  private static func check(
    _ geometry: ELFGeometry, shift: UInt64, allocator: PhysicalAllocator
  ) throws(PlanError) {
    for segment in geometry.segments {
      let start = geometry.position(of: segment) &+ shift
      guard start <= PagingMode.x86_64FourLevel.greatestPhysicalAddress,
        let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: segment.memorySize),
        allocator.isFree(range), range.endValue <= geometry.physicalLimit
      else {
        throw PlanError(
          .notUsable,
          "\(segment.place): its \(hex(segment.memorySize)) bytes at physical \(hex(start)) are not all usable memory "
            + "at or above 1 MiB",
          help: "use --physical any, or an address in: " + allocator.free.map { hex($0) }.joined(separator: ", "))
      }
    }
  }
}
