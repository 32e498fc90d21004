import Addresses
import KernelImage

/// The virtual offset of a Linux kernel: by hand, drawn, or as linked.
struct LinuxVirtualPlace {
  var delta: Int64
  var slots: UInt64
  var decision: Decision

  init(
    geometry: LinuxGeometry, isRelocatable: Bool, request: PlanRequest, generator: inout SplitMix64?
  ) throws(PlanError) {
    let window = LinuxGeometry.kernelImageSize
    let (used, overflow) = geometry.linkPhysical.addingReportingOverflow(geometry.randomizedSize)
    let fits = !overflow && used <= window
    slots = isRelocatable && fits ? 1 + (window - used) / geometry.alignment.value : 1
    let linked = LinuxGeometry.startKernelMap &+ geometry.linkPhysical
    if let slide = request.slide {
      try Self.check(slide, geometry: geometry, isRelocatable: isRelocatable)
      delta = slide
      decision = Decision(
        "virtual place", choice: "\(hex: linked &+ UInt64(bitPattern: slide))",
        because: "asked for: slide \(hex: UInt64(slide))")
    } else if isRelocatable, let slot = generator?.draw(below: slots) {
      delta = Int64(slot * geometry.alignment.value)
      decision = Decision(
        "virtual place", choice: "\(hex: linked &+ UInt64(delta))",
        because: "slot \(slot) of \(slots): from \(hex: linked) in steps of \(hex: geometry.alignment.value), so that "
          + "\(hex: geometry.randomizedSize) bytes end inside the kernel's 1 GiB window")
    } else {
      delta = 0
      decision = Decision(
        "virtual place", choice: "\(hex: linked)",
        because: isRelocatable
          ? "as linked: no randomisation was asked for"
          : "as linked: no relocation table lies behind the ELF, so that nothing else is possible")
    }
  }

  private static func check(_ slide: Int64, geometry: LinuxGeometry, isRelocatable: Bool) throws(PlanError) {
    guard slide != 0 else { return }
    guard isRelocatable else {
      throw PlanError(
        .notRelocatable, "slide \(slide) was asked for, but no relocation table lies behind the ELF",
        help: "give the bzImage, or a vmlinux with its relocation table (CONFIG_RANDOMIZE_BASE=y)")
    }
    guard slide > 0, UInt64(slide) & geometry.alignment.mask == 0 else {
      throw PlanError(
        .misaligned,
        "slide \(slide) is not a positive multiple of the kernel's alignment \(hex: geometry.alignment.value)")
    }
    let (low, first) = geometry.linkPhysical.addingReportingOverflow(UInt64(slide))
    let (end, second) = low.addingReportingOverflow(geometry.randomizedSize)
    guard !first, !second, end <= LinuxGeometry.kernelImageSize else {
      throw PlanError(
        .badRequest,
        """
        slide \(hex: UInt64(slide)) moves the image's end beyond the kernel's 1 GiB window \
        (\(hex: geometry.linkPhysical) + slide + \(hex: geometry.randomizedSize) must be at most 0x40000000)
        """)
    }
  }
}
