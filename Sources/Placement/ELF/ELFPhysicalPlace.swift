import AddressSpace
import Addresses
import KernelImage

/// Where a generic ELF kernel lies in memory.
struct ELFPhysicalPlace {
  /// What is added to each segment's position, modulo 2⁶⁴.
  var shift: UInt64
  var slots: UInt64 = 1
  var decision: Decision
  /// Whether the segments' bytes lie there already.
  var isInPlace = false

  init(
    _ image: borrowing ELFImage, geometry: ELFGeometry, slide: Slide, request: borrowing PlanRequest,
    draft: borrowing PlanDraft, generator: inout SplitMix64?
  ) throws(PlanError) {
    let inPlace = Self.inPlace(image, geometry, slide: slide, request: request, draft: draft)
    let choice: Sentence
    var because: Sentence
    var rejected: [Decision.Rejected] = []
    if request.physical == nil, request.seed == nil, case .impossible(let reason) = inPlace {
      rejected.add(.init("in place", "\(reason.sentence)"))
    }
    switch request.physical ?? Self.byDefault(geometry, request, inPlace) {
    case .asLinked:
      guard geometry.reading.kind == .physical else {
        throw PlanError(
          .notUsable, "the image names no physical place: \(geometry.reading.because)",
          help: "use --physical any, or an address")
      }
      shift = 0
      choice = "\(hex: geometry.base)"
      because =
        geometry.reading.offset == 0
        ? "as linked: the lowest p_paddr" : "as linked: the lowest p_paddr, less the offset"
    case .at(let address):
      shift = address.value &- geometry.base
      choice = "\(hex: address)"
      because = "asked for"
    case .any:
      let found = try Self.search(geometry, slide: slide, allocator: draft.allocator, generator: &generator)
      shift = found.shift
      slots = found.slots
      choice = "\(hex: geometry.base &+ shift)"
      because = found.because
      if let other = found.rejected { rejected.add(other) }
    case .inPlace:
      shift = try Self.require(inPlace).shift
      choice = "\(hex: geometry.base &+ shift)"
      because = request.physical == nil ? "in place" : "asked for: in place"
    }
    if case .possible(let place) = inPlace, place.shift == shift {
      isInPlace = true
      because += ", where the file's segments lie in memory already"
    } else {
      try Self.check(geometry, shift: shift, draft: draft)
    }
    decision = Decision("physical place", choice: choice, because: because, rejected: rejected)
  }

  /// What there is to say about running where the file lies.
  private enum InPlace {
    /// The file lies nowhere in memory.
    case noFile
    case impossible(PlanError)
    case possible(ELFInPlace)
  }

  private static func inPlace(
    _ image: borrowing ELFImage, _ geometry: ELFGeometry, slide: Slide, request: borrowing PlanRequest,
    draft: borrowing PlanDraft
  ) -> InPlace {
    guard let place = request.imagePlace else { return .noFile }
    do throws(PlanError) {
      return .possible(
        try ELFInPlace(image, geometry, slide: slide, at: place, free: draft.freeWithoutImage))
    } catch { return .impossible(error) }
  }

  private static func byDefault(
    _ geometry: ELFGeometry, _ request: borrowing PlanRequest, _ inPlace: InPlace
  ) -> PlanRequest.PhysicalPlace {
    if request.seed != nil { return .any }
    // With paging off a kernel runs at physical addresses, which are the linker's to say.
    if geometry.is64 {
      switch inPlace {
      case .noFile: break
      case .impossible: return .any
      case .possible: return .inPlace
      }
    }
    return geometry.reading.kind == .virtual ? .any : .asLinked
  }

  private static func require(_ inPlace: InPlace) throws(PlanError) -> ELFInPlace {
    switch inPlace {
    case .noFile:
      throw PlanError(
        .badRequest, "the image cannot run in place: its file does not lie in memory", help: "use --image-at")
    case .impossible(let reason):
      throw PlanError(
        reason.code, "the image cannot run in place: \(reason.sentence)", help: "use --physical any")
    case .possible(let place): return place
    }
  }

  /// A place in one piece where every virtual address is congruent to its physical one modulo 2 MiB, else modulo 4 KiB.
  private static func search(
    _ geometry: ELFGeometry, slide: Slide, allocator: borrowing PhysicalAllocator,
    generator: inout SplitMix64?
  ) throws(PlanError) -> (shift: UInt64, slots: UInt64, because: Sentence, rejected: Decision.Rejected?) {
    var virtual: UInt64 = 0
    for segment in geometry.segments where geometry.position(of: segment) == geometry.base {
      virtual = slide.apply(to: segment.virtualAddress).value
    }
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
        "slot \(slot) of \(list.total) where virtual and physical are congruent modulo \(congruent ? "2 MiB" : "4 KiB")",
        congruent ? nil : .init("places congruent modulo 2 MiB", "none has \(hex: room) free bytes")
      )
    }
    throw PlanError(
      .noRoom, "no free range holds the image's \(hex: geometry.span) bytes in one piece",
      help: "give the machine more memory; free: " + rangeList(allocator.free))
  }

  private static func check(
    _ geometry: ELFGeometry, shift: UInt64, draft: borrowing PlanDraft
  ) throws(PlanError) {
    for segment in geometry.segments {
      let start = geometry.position(of: segment) &+ shift
      guard start <= PagingMode.x86_64FourLevel.greatestPhysicalAddress,
        let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: segment.memorySize),
        draft.allocator.isFree(range), range.endValue <= geometry.physicalLimit
      else { throw notFree(segment, at: start, draft: draft) }
    }
  }

  private static func notFree(
    _ segment: borrowing ProgramHeader, at start: UInt64, draft: borrowing PlanDraft
  ) -> PlanError {
    let bytes: Sentence = "\(segment.place): its \(hex: segment.memorySize) bytes at physical \(hex: start)"
    let help: Sentence = "use --physical any, or an address in: " + rangeList(draft.allocator.free)
    if start <= PagingMode.x86_64FourLevel.greatestPhysicalAddress,
      let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: segment.memorySize),
      let pages = range.alignedOut(to: .page4KiB), let taken = draft.taken.first(overlapping: pages)
    {
      return PlanError(
        .overlap, "\(bytes) want the pages of \(taken.name), which is at \(hex: taken.range)", help: help)
    }
    return PlanError(.notUsable, "\(bytes) are not all usable memory at or above 1 MiB", help: help)
  }
}
