import Addresses
import KernelImage

/// Where a generic ELF kernel runs: as linked, or, when it is position independent, wherever it is told to.
struct ELFVirtualPlace {
  /// Linux's kernel window, the top 2 GiB: the place that the small and the kernel code model can both reach.
  static let windowStart: UInt64 = 0xffff_ffff_8100_0000
  static let windowEnd: UInt64 = 0xffff_ffff_c000_0000
  /// Link addresses from here up are kernel addresses that were meant.
  static let upperHalf: UInt64 = 0xffff_8000_0000_0000

  var slide: Slide
  var slots: UInt64 = 1
  var decision: Decision

  init(geometry: ELFGeometry, request: borrowing PlanRequest, generator: inout SplitMix64?)
    throws(PlanError)
  {
    let linked = geometry.segments[0].virtualAddress.value
    if let asked = request.slide {
      guard asked == 0 || geometry.isPositionIndependent else {
        throw PlanError(
          .notRelocatable, "slide \(asked) was asked for, but e_type is ET_EXEC (2): it runs only where it was linked",
          help: "link it with -static-pie (ET_DYN)")
      }
      guard asked & 0xfff == 0 else { throw PlanError(.misaligned, "slide \(asked) is no multiple of 4 KiB") }
      slide = Slide(asked)
      decision = Decision("virtual place", choice: "\(hex: linked &+ UInt64(bitPattern: asked))", because: "asked for")
      return
    }
    guard geometry.isPositionIndependent else {
      slide = .none
      decision = Decision("virtual place", choice: "\(hex: linked)", because: "as linked: e_type is ET_EXEC")
      return
    }
    // A step that keeps every segment's alignment, and lets 2 MiB pages be used.
    var step = Alignment.page2MiB
    for segment in geometry.segments { step = max(step, Alignment(segment.alignment) ?? .one) }
    let room = try Self.room(geometry, step: step)
    slots = 1 + (Self.windowEnd - Self.windowStart - room) / step.value
    let base = linked & ~step.mask
    let first = (Self.windowStart + step.mask) & ~step.mask
    if let slot = generator?.draw(below: slots) {
      slide = Slide(Int64(bitPattern: first &+ slot &* step.value &- base))
      decision = Decision(
        "virtual place", choice: "\(hex: slide.apply(to: geometry.segments[0].virtualAddress))",
        because:
          "slot \(slot) of \(slots): multiples of \(hex: step.value) from \(hex: first) to \(hex: Self.windowEnd)")
    } else if linked >= Self.upperHalf {
      slide = .none
      decision = Decision("virtual place", choice: "\(hex: linked)", because: "as linked: already a kernel address")
    } else {
      slide = Slide(Int64(bitPattern: first &- base))
      decision = Decision(
        "virtual place", choice: "\(hex: slide.apply(to: geometry.segments[0].virtualAddress))",
        because: "ET_DYN linked at \(hex: linked), below the upper half: moved to where Linux links its kernel")
    }
  }

  /// The virtual bytes the image takes, in whole steps.
  private static func room(_ geometry: ELFGeometry, step: Alignment) throws(PlanError)
    -> UInt64
  {
    let linked = geometry.segments[0].virtualAddress.value
    let size = geometry.span.adding(ByteCount(linked & step.mask))?.alignedUp(to: step)
    // The step is the greatest p_align, which can be any power of two.
    guard let (taken, overflow) = size?.value.addingReportingOverflow(step.mask), !overflow,
      taken <= windowEnd - windowStart
    else {
      throw PlanError(
        .noRoom,
        """
        the image spans \(hex: geometry.span) bytes in steps of \(hex: step.value), its greatest p_align: more than the \
        kernel window [\(hex: windowStart), \(hex: windowEnd)) holds
        """)
    }
    return taken
  }
}
