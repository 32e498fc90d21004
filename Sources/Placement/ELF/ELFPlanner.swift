import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import PageTables

extension PerchLoader {
  /// Where a generic kernel's stack is mapped: Linux keeps its entry stacks in this region. The page below the stack is
  /// never mapped.
  ///
  ///     | guard page, not mapped | 64 KiB stack, grows down | rsp
  ///     ^ 0xfffffe0000000000     ^ + 4 KiB                  ^ + 68 KiB
  static let stackGuard = VirtualAddress(0xffff_fe00_0000_0000)
  static let stackSize = ByteCount.kibibytes(64)

  /// Plans any x86 ELF kernel. ELF64: each segment at its place with its own rights, a direct map of all usable memory, a
  /// stack, and Perch's boot information, entered at `e_entry` in 64-bit mode with `rdi` pointing at that information.
  /// ELF32: entered in 32-bit protected mode with paging off, `edi` pointing there.
  ///
  /// - Throws: ``PlanError`` with the field and the rule that leave no plan.
  public static func plan(elf image: ELFImage, bytes: RawSpan, request: PlanRequest) throws(PlanError)
    -> LoadPlan
  {
    let memoryTop = request.machine.usableEnd
    let geometry = try ELFGeometry.of(image.elf, bytes: bytes, memoryTop: memoryTop)
    return geometry.is64
      ? try plan64(image, geometry, bytes, request)
      : try planProtected(image, geometry, request, fileSize: bytes.byteCount)
  }

  /// Plans as ``plan(elf:bytes:request:)`` does, for a loader that only leaves for 64-bit mode: ELF64 alone.
  ///
  /// - Throws: ``PlanError`` with the field and the rule that leave no plan.
  public static func plan(elf64 image: ELFImage, bytes: RawSpan, request: PlanRequest) throws(PlanError)
    -> LoadPlan
  {
    let memoryTop = request.machine.usableEnd
    let geometry = try ELFGeometry.of(image.elf, bytes: bytes, memoryTop: memoryTop)
    guard geometry.is64 else {
      throw PlanError(.wrongImage, "EI_CLASS (offset 0x4) is 1: this loader enters ELF64 (2) alone, in 64-bit mode")
    }
    return try plan64(image, geometry, bytes, request)
  }

  private static func plan64(
    _ image: borrowing ELFImage, _ geometry: ELFGeometry, _ bytes: RawSpan, _ request: borrowing PlanRequest
  ) throws(PlanError) -> LoadPlan {
    var generator = request.seed.map { SplitMix64(seed: $0) }
    var draft = try PlanDraft.started(request, imageSize: ByteCount(UInt64(bytes.byteCount)))
    let virtual = try ELFVirtualPlace(geometry: geometry, request: request, generator: &generator)
    let physical = try ELFPhysicalPlace(
      image, geometry: geometry, slide: virtual.slide, request: request, draft: draft, generator: &generator)
    draft.decisions.add(geometry.reading.decision)
    draft.decisions.add(physical.decision)
    draft.decisions.add(virtual.decision)
    let slide = virtual.slide
    let randomization = request.seed.map {
      Randomization(seed: $0, physicalSlots: physical.slots, virtualSlots: virtual.slots)
    }
    let (shift, isInPlace) = (physical.shift, physical.isInPlace)
    let extent = PhysicalRange(
      uncheckedStart: PhysicalAddress(geometry.base &+ shift), count: geometry.span)
    let relocations = try relocations(
      image, geometry: geometry, slide: slide, extent: extent, bytes: bytes,
      filePlace: isInPlace ? request.imagePlace : nil)

    try addSegments(geometry, shift: shift, isInPlace: isInPlace, slide: slide, to: &draft)
    try draft.reserveStub()
    let modules = try draft.placeModules(request.modules, below: 1 << 46)
    try mapDirectly(request, in: &draft)
    let stackTop = try addStack(to: &draft)
    let information = try addInformation(
      request, modules: modules, kernel: (extent, slide.apply(to: geometry.segments[0].virtualAddress)),
      slide: slide, stack: (stackGuard, stackTop), to: &draft)
    let tables = try draft.buildTables()

    var registers = LongModeState.GeneralRegisters()
    registers.rdi = request.directMapBase.value &+ information.value
    registers.rsp = stackTop.value
    let entry = draft.entryState(
      rip: slide.apply(to: image.elf.header.entry), registers: registers, root: tables.root)
    try draft.addStub(for: entry)
    return LoadPlan(
      loader: .perch, reading: "ELF64 x86-64 kernel, entered at its virtual entry point", machine: request.machine,
      pieces: draft.sortedPieces, blobs: draft.blobs, remarks: geometry.reading.remarks, decisions: draft.decisions,
      imageExtent: extent, relocations: relocations, addressSpace: draft.space, pageTables: tables.cost,
      longMode: entry, slide: slide, randomization: randomization)
  }

  private static func relocations(
    _ image: borrowing ELFImage, geometry: ELFGeometry, slide: Slide, extent: PhysicalRange, bytes: RawSpan,
    filePlace: PhysicalAddress?
  ) throws(PlanError) -> Relocations {
    guard geometry.isPositionIndependent, !image.rela.isEmpty || !image.relr.isEmpty else { return .none }
    let relocations = DynamicRelocations(
      rela: image.rela, relr: image.relr, slide: slide, linkBase: LinkAddress(geometry.base))
    guard let size = Int(exactly: extent.count.value) else {
      throw PlanError(.noRoom, "the image spans \(hex: extent.count) bytes")
    }
    try relocations.check(
      imageSize: size, image: bytes, fileOffset: filePlace.map { extent.start.value &- $0.value })
    return .dynamic(relocations)
  }

  private static func addSegments(
    _ geometry: ELFGeometry, shift: UInt64, isInPlace: Bool, slide: Slide, to draft: inout PlanDraft
  ) throws(PlanError) {
    for segment in geometry.segments {
      let place = PhysicalAddress(truncating: geometry.position(of: segment) &+ shift)
      draft.place(segment, at: place, isInPlace: isInPlace)
      guard VirtualRange(start: slide.apply(to: segment.virtualAddress), count: segment.memorySize) != nil else {
        throw PlanError(
          .notUsable,
          """
          \(segment.place): virtual \(hex: slide.apply(to: segment.virtualAddress)) + p_memsz \
          \(hex: segment.memorySize) wraps around 2^64
          """)
      }
    }
    var mappings = SegmentMappings()
    for segment in geometry.segments {
      let virtual = VirtualRange(uncheckedStart: slide.apply(to: segment.virtualAddress), count: segment.memorySize)
      let place = PhysicalAddress(truncating: geometry.position(of: segment) &+ shift)
      try mappings.add(segment, at: virtual, place)
    }
    for intent in mappings.intents {
      try draft.map(intent)
      draft.decisions.add(pageSizeDecision(intent, draft.space.tableFormat))
      // The stub is mapped where it lies, so that it must not lie where the kernel is mapped.
      if intent.virtual.start.value <= PagingMode.x86_64FourLevel.greatestPhysicalAddress {
        draft.allocator.claim(
          PhysicalRange(uncheckedStart: PhysicalAddress(intent.virtual.start.value), count: intent.virtual.count))
      }
    }
  }

  private static func pageSizeDecision(_ intent: borrowing MappingIntent, _ format: X86_64Format) -> Decision {
    let large = Alignment.page2MiB
    let congruent = intent.virtual.start.value & large.mask == intent.physical.value & large.mask
    var because: Sentence = "virtual \(hex: intent.virtual.start) and physical \(hex: intent.physical) are "
    because += congruent ? "congruent" : "not congruent"
    because += " modulo 2 MiB"
    let stretches = intent.pageStretches(in: format)
    var choice: Sentence = ""
    for (index, stretch) in stretches.enumerated() {
      choice += "\(index == 0 ? "" : " + ")\(stretch.pageCount) × \(stretch.pageSize.text)"
    }
    if congruent, !stretches.contains(where: { $0.pageSize > .size4KiB }) {
      because += ", but no whole 2 MiB block lies inside: nothing more than the segment is mapped"
    }
    if case .readWriteExecute(let reason) = intent.access {
      because +=
        reason == .segmentFlags
        ? "; writable and executable because its p_flags are rwx"
        : "; writable and executable because segments with different rights share the page"
    }
    return Decision("pages of \(intent.name)", choice: choice, because: because)
  }

  private static func mapDirectly(_ request: borrowing PlanRequest, in draft: inout PlanDraft)
    throws(PlanError)
  {
    for range in request.machine.usable {
      guard let start = range.start.alignedUp(to: .page4KiB),
        let whole = PhysicalRange(
          from: start, to: PhysicalAddress(truncating: range.endValue).alignedDown(to: .page4KiB)), !whole.isEmpty
      else { continue }
      let (base, overflow) = request.directMapBase.value.addingReportingOverflow(start.value)
      guard !overflow, let virtual = VirtualRange(start: VirtualAddress(base), count: whole.count) else {
        throw PlanError(
          .badRequest, "the direct map of \(hex: whole) at \(hex: request.directMapBase) wraps around 2^64")
      }
      try draft.map(
        MappingIntent(
          virtual: virtual, physical: start, access: .readWrite, largestPage: request.directMapPage, name: "direct map")
      )
    }
  }

  private static func addStack(to draft: inout PlanDraft) throws(PlanError) -> VirtualAddress {
    let physical = try draft.takePages(stackSize, for: "stack")
    let bottom = VirtualAddress(stackGuard.value + 0x1000)
    try draft.map(
      MappingIntent(
        virtual: VirtualRange(uncheckedStart: bottom, count: stackSize), physical: physical.start, access: .readWrite,
        name: "stack"))
    draft.pieces.add(
      Piece(
        source: .zero, destination: PhysicalRange(uncheckedStart: physical.start, count: .zero), zeroFill: stackSize,
        owner: "stack"))
    return VirtualAddress(bottom.value + stackSize.value)
  }

  /// Describes to the kernel what was done for it. Everything that is described is mapped before.
  static func addInformation(
    _ request: borrowing PlanRequest, modules: [PhysicalRange],
    kernel: (physical: PhysicalRange, virtual: VirtualAddress),
    slide: Slide, stack: (guardPage: VirtualAddress, top: VirtualAddress), to draft: inout PlanDraft
  ) throws(PlanError) -> PhysicalAddress {
    var information = BootInformation()
    information.memoryMap = request.machine.entries
    for mapping in draft.space.mappings { information.mappings.add(BootInformation.Mapping(mapping)) }
    for (index, place) in modules.enumerated() {
      information.modules.add(BootInformation.Module(physical: place, name: request.modules[index].name))
    }
    information.commandLine = request.commandLine
    information.seed = request.seed ?? 0
    information.directMapBase = request.directMapBase
    information.directMapSize = ByteCount(request.machine.usableEnd)
    information.kernelPhysicalBase = kernel.physical.start
    information.kernelVirtualBase = kernel.virtual
    information.kernelSize = kernel.physical.count
    information.slide = slide
    information.stackTop = stack.top
    information.stackGuard = stack.guardPage
    let place = try draft.takePages(information.size, for: "boot information")
    information.physicalAddress = place.start
    draft.add(information.bytes, at: place.start, name: "boot information")
    return place.start
  }
}
