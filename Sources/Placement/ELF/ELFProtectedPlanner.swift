import AddressSpace
import Addresses
import BootProtocols
import KernelImage

extension PerchLoader {
  /// Plans an ELF32 kernel for i386: segments at their places, a stack, and Perch's boot information, entered in 32-bit
  /// protected mode with paging off. Everything lies below 4 GiB, where its physical address is the only one.
  static func planProtected(
    _ image: ELFImage, _ geometry: ELFGeometry, _ request: PlanRequest, fileSize: Int
  ) throws(PlanError) -> LoadPlan {
    guard request.slide ?? 0 == 0 else {
      throw PlanError(.notRelocatable, "a slide was asked for, but the kernel is entered with paging off")
    }
    var generator = request.seed.map { SplitMix64(seed: $0) }
    var draft = try PlanDraft.started(request, imageSize: ByteCount(UInt64(fileSize)))
    let physical = try ELFPhysicalPlace(
      image, geometry: geometry, slide: .none, request: request, draft: draft, generator: &generator)
    let entry = try physicalEntry(image.elf.header.entry.value, geometry, shift: physical.shift)
    draft.decisions += [geometry.reading.decision, physical.decision, entry.decision]
    for segment in geometry.segments {
      let place = PhysicalAddress(truncating: geometry.position(of: segment) &+ physical.shift)
      draft.place(segment, at: place, isInPlace: physical.isInPlace)
    }
    let extent = PhysicalRange(
      uncheckedStart: PhysicalAddress(truncating: geometry.base &+ physical.shift), count: geometry.span)
    let modules = try draft.placeModules(request.modules, below: geometry.physicalLimit)
    let stack = try draft.takePages(stackSize, for: "stack")
    draft.pieces.add(
      Piece(
        source: .zero, destination: PhysicalRange(uncheckedStart: stack.start, count: .zero), zeroFill: stackSize,
        owner: "stack"))
    var identity = request
    identity.directMapBase = VirtualAddress(0)
    let information = try addInformation(
      identity, modules: modules, kernel: (extent, Slide.none.apply(to: geometry.segments[0].virtualAddress)),
      slide: .none,
      stack: (VirtualAddress(0), VirtualAddress(stack.endValue)), to: &draft)

    return LoadPlan(
      loader: .perch, reading: "ELF32 i386 kernel, entered with paging off", machine: request.machine,
      pieces: draft.sortedPieces, blobs: draft.blobs,
      described: EntryState(
        mode: .protected32, address: entry.address,
        registers: [
          .init("edi", information.value, "boot information"), .init("esp", stack.endValue, "stack"),
          .init("cr0", 0x11, "protection, no paging"),
        ]),
      remarks: geometry.reading.remarks, decisions: draft.decisions, imageExtent: extent, addressSpace: draft.space,
      randomization: request.seed.map { Randomization(seed: $0, physicalSlots: physical.slots, virtualSlots: 1) })
  }

  /// Where `e_entry` lies in memory: it is a virtual address (System V gABI, ch. 4), which some kernels give as a physical.
  private static func physicalEntry(
    _ entry: UInt64, _ geometry: ELFGeometry, shift: UInt64
  ) throws(PlanError) -> (address: UInt64, decision: Decision) {
    for segment in geometry.segments where ELFGeometry.holds(segment, entry) {
      let address = geometry.position(of: segment) &+ shift &+ (entry - segment.virtualAddress.value)
      return (
        address,
        Decision(
          "entry", choice: "\(hex: address)",
          because:
            "e_entry \(hex: entry) lies in the p_vaddr range of program header \(segment.index), and paging is off")
      )
    }
    for segment in geometry.segments
    where entry >= segment.physicalAddress && entry - segment.physicalAddress < segment.memorySize.value {
      let address = entry &- geometry.reading.offset &+ shift
      return (
        address,
        Decision(
          "entry", choice: "\(hex: address)",
          because: "e_entry \(hex: entry) lies in the p_paddr range of program header \(segment.index)")
      )
    }
    throw PlanError(.wrongImage, "e_entry (offset 0x18) \(hex: entry) lies in no PT_LOAD segment")
  }
}
