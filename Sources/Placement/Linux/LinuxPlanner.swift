import AddressSpace
import Addresses
import BootProtocols
import KernelImage

extension PerchLoader {
  /// Plans a Linux x86-64 kernel: its segments at a place of its own, relocated there by the loader, entered by the 64-bit
  /// boot protocol (Documentation/arch/x86/boot.rst, "64-bit boot protocol").
  ///
  ///     1 MiB        16 MiB or above, a multiple of 2 MiB          top of memory below 4 GiB
  ///     | stub | zero page | command line | tables | ... | kernel ... | ... | initrd |
  ///
  /// - Throws: ``PlanError`` with the field and the rule that leave no plan.
  public static func plan(linux image: LinuxImage, request: PlanRequest) throws(PlanError) -> LoadPlan {
    let geometry = try LinuxGeometry(image)
    try check(commandLine: request.commandLine, setup: image.setup)
    guard request.modules.count <= 1 else {
      throw PlanError(.badRequest, "\(request.modules.count) modules were given; Linux takes one initrd")
    }
    var generator = request.seed.map { SplitMix64(seed: $0) }
    var draft = try PlanDraft.started(request, imageSize: image.unpackedSize)
    let preferred = image.setup?.preferredAddress ?? geometry.linkPhysical
    let fixed = try LinuxPhysicalPlace.fixed(
      geometry: geometry, preferred: preferred, request: request, allocator: draft.allocator)
    if let fixed { draft.allocator.claim(fixed) }

    try draft.reserveStub()
    let bootArea = try LinuxBootArea(
      request, initrdLimit: (image.setup?.initrdAddressMax ?? 0x7fff_ffff) &+ 1, draft: &draft)
    let physical = try LinuxPhysicalPlace(
      fixed: fixed, geometry: geometry, request: request, allocator: draft.allocator, generator: &generator)
    draft.allocator.claim(physical.range)
    let virtual = try LinuxVirtualPlace(
      geometry: geometry, isRelocatable: image.relocations != nil, request: request, generator: &generator)
    draft.decisions += [entryDecision(image), physical.decision, virtual.decision]
    addSegments(of: geometry, at: physical.range.start, to: &draft)

    try draft.mapIdentity(physical.range, .readWriteExecute(because: .bootProtocol), "kernel")
    try bootArea.map(in: &draft)
    let tables = try draft.buildTables()

    bootArea.add(image, request: request, to: &draft)
    var registers = LongModeState.GeneralRegisters()
    registers.rsi = bootArea.zeroPage.start.value
    let rip = VirtualAddress(physical.range.start.value + geometry.entryOffset)
    let entry = draft.entryState(rip: rip, registers: registers, root: tables.root)
    try draft.addStub(for: entry)

    return LoadPlan(
      loader: .perch, reading: "Linux x86-64, 64-bit boot protocol", machine: request.machine,
      pieces: draft.sortedPieces, blobs: draft.blobs, decisions: draft.decisions,
      imageExtent: PhysicalRange(uncheckedStart: physical.range.start, count: geometry.span),
      relocations: relocations(image.relocations, geometry: geometry, delta: virtual.delta),
      addressSpace: draft.space, pageTables: tables.cost, longMode: entry, slide: Slide(virtual.delta),
      randomization: request.seed.map {
        Randomization(seed: $0, physicalSlots: physical.slots, virtualSlots: virtual.slots)
      })
  }

  private static func check(commandLine: String, setup: SetupHeader?) throws(PlanError) {
    let longest = UInt64(setup?.commandLineSize ?? 2047)
    guard UInt64(commandLine.utf8.count) <= longest else {
      throw PlanError(
        .badRequest,
        "the command line has \(commandLine.utf8.count) bytes; the setup header's cmdline_size (offset 0x238) allows \(longest)"
      )
    }
  }

  private static func entryDecision(_ image: LinuxImage) -> Decision {
    Decision(
      "boot protocol", choice: "64-bit, ELF entry",
      because:
        "the unpacked ELF's e_entry \(hex: image.elf.header.entry) is entered in long mode: nothing is decompressed in the guest",
      rejected: [
        Decision.Rejected(
          "16-bit and 32-bit entries", "they start the kernel's own decompressor, which would place it again")
      ])
  }

  private static func addSegments(of geometry: LinuxGeometry, at base: PhysicalAddress, to draft: inout PlanDraft) {
    for segment in geometry.segments {
      let place = PhysicalAddress(base.value + (segment.physicalAddress - geometry.linkPhysical))
      draft.pieces.append(
        Piece(
          source: segment.fileSize > .zero ? .image(segment.fileRange) : .zero,
          destination: PhysicalRange(uncheckedStart: place, count: segment.fileSize),
          zeroFill: ByteCount(segment.memorySize.value - segment.fileSize.value), owner: "segment \(segment.index)"))
    }
  }

  private static func relocations(
    _ table: RelocationTable?, geometry: LinuxGeometry, delta: Int64
  ) -> Relocations {
    guard let table, delta != 0 else { return .none }
    return .linuxTable(
      LinuxRelocations(
        entries32: table.entries32, entriesInverse32: table.entriesInverse32, entries64: table.entries64, delta: delta,
        linkBase: LinkAddress(LinuxGeometry.startKernelMap &+ geometry.linkPhysical)))
  }
}
