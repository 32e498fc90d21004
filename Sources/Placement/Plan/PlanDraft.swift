import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import PageTables

/// A plan while it is being made: pieces, blobs and mappings, and the memory that is still free.
///
/// What many call is called, not inlined: a boot loader carries it once.
struct PlanDraft {
  var allocator: PhysicalAllocator
  var pieces: [Piece] = []
  var blobs: [Blob] = []
  var space: AddressSpace
  var decisions: [Decision] = []
  /// What lies in memory already.
  let taken: TakenMemory
  /// What is free when the image's file is no obstacle.
  let freeWithoutImage: PhysicalAllocator
  let processor: ProcessorFeatures
  /// Where the entry stub will be; its bytes come last, when everything it loads is known.
  private(set) var stub = PhysicalRange(uncheckedStart: PhysicalAddress(0), count: .zero)

  /// - Parameter imageSize: the size of the image's file.
  /// - Throws: ``PlanError`` where what lies in memory already cannot lie there.
  static func started(
    _ request: borrowing PlanRequest, imageSize: ByteCount
  ) throws(PlanError) -> PlanDraft {
    let taken = try TakenMemory(request, imageSize: imageSize)
    var decisions: [Decision] = []
    var allocator = PhysicalAllocator(machine: request.machine, floor: PhysicalAddress(PerchLoader.floor))
    if let scratch = request.firmwareScratch {
      allocator.claim(scratch)
      decisions.add(
        Decision(
          "firmware's memory", choice: "nothing in \(hex: scratch)",
          because: "the machine's firmware writes there between loading and entering a kernel"))
    }
    for range in taken.others { allocator.claim(pagesOf: range) }
    let freeWithoutImage = allocator
    if let image = taken.image { allocator.claim(pagesOf: image) }
    decisions += taken.decisions(request)
    return PlanDraft(
      allocator: allocator, space: AddressSpace(mode: request.processor.pagingMode), decisions: decisions,
      taken: taken, freeWithoutImage: freeWithoutImage, processor: request.processor)
  }

  /// Maps, turning a contradiction into a refusal.
  @inline(never) mutating func map(_ intent: MappingIntent) throws(PlanError) {
    do throws(MappingError) {
      try space.add(intent)
    } catch {
      switch error.code {
      case .overlap:
        throw PlanError(
          .overlap,
          "the mapping of \(error.name) at \(hex: error.virtual) overlaps the mapping of \(error.other ?? "another")")
      case .notCanonical:
        throw PlanError(
          .notUsable,
          "the mapping of \(error.name) at \(hex: error.virtual) is not canonical in \(space.mode.virtualBits) bits")
      case .unaligned, .empty, .physicalOverflow:
        throw PlanError(
          .misaligned,
          "the mapping of \(error.name) at \(hex: error.virtual) is not made of whole 4 KiB pages of memory")
      }
    }
  }

  /// Takes the lowest free pages for something that the loader makes.
  @inline(never) mutating func takePages(
    _ count: ByteCount, below limit: UInt64 = PerchLoader.stubLimit, for name: String
  ) throws(PlanError) -> PhysicalRange {
    guard let whole = count.alignedUp(to: .page4KiB),
      let range = allocator.takeLowest(whole, alignment: .page4KiB, below: limit)
    else {
      throw PlanError(
        .noRoom, "no free memory below \(hex: limit) holds the \(hex: count) bytes of the \(name)",
        help: "give the machine more memory; free: " + rangeList(allocator.free))
    }
    return range
  }

  /// Adds bytes that the loader made, at a place that is already taken.
  @inline(never) mutating func add(_ bytes: [UInt8], at place: PhysicalAddress, name: String) {
    pieces.add(
      Piece(
        source: .blob(blobs.count),
        destination: PhysicalRange(uncheckedStart: place, count: ByteCount(UInt64(bytes.count))), owner: name))
    blobs.add(Blob(name: name, bytes: bytes))
  }

  /// Puts a segment of the image at a place, or leaves it there, and keeps its pages free of anything else.
  mutating func place(_ segment: ProgramHeader, at place: PhysicalAddress, isInPlace: Bool) {
    let piece = Piece(
      source: segment.fileSize > .zero ? .image(segment.fileRange) : .zero,
      destination: PhysicalRange(uncheckedStart: place, count: segment.fileSize),
      zeroFill: ByteCount(segment.memorySize.value - segment.fileSize.value), owner: text("segment \(segment.index)"),
      isResident: isInPlace && segment.fileSize > .zero)
    pieces.add(piece)
    if let pages = piece.extent.alignedOut(to: .page4KiB) { allocator.claim(pages) }
  }

  /// Reserves the stub's page and maps it where it lies, so that it survives the switch to paging.
  mutating func reserveStub() throws(PlanError) {
    stub = try takePages(ByteCount(EntryStub.size), for: "entry stub")
    try mapIdentity(stub, .readExecute, "entry stub")
  }

  /// Maps whole pages where they lie.
  mutating func mapIdentity(_ range: PhysicalRange, _ access: Access, _ name: String) throws(PlanError) {
    try map(
      MappingIntent(
        virtual: VirtualRange(uncheckedStart: VirtualAddress(range.start.value), count: range.count),
        physical: range.start, access: access, name: name))
  }

  /// Builds the tables for everything mapped so far and returns their root.
  mutating func buildTables() throws(PlanError) -> (root: PhysicalAddress, cost: PageTableCost) {
    let format = space.tableFormat
    let budget = PageTableBudget(for: space, format: format)
    let range = try takePages(budget.byteCount, for: "page tables")
    let image = PageTableImage(building: space, format: format, at: range.start)
    add(image.bytes, at: range.start, name: "page tables")
    return (image.root, PageTableCost(framesByLevel: budget.framesByLevel))
  }

  /// The state at the kernel's first instruction, with the descriptor table inside the stub.
  func entryState(
    rip: VirtualAddress, registers: LongModeState.GeneralRegisters, root: PhysicalAddress
  ) -> LongModeState {
    LongModeState(
      rip: rip, registers: registers, cr3: root, gdtBase: stub.start.value + EntryStub.gdtOffset,
      gdtLimit: GlobalDescriptorTable.limit, processor: processor)
  }

  /// Writes the stub that establishes `entry`.
  mutating func addStub(for entry: LongModeState) throws(PlanError) {
    do throws(EntryStubError) {
      add(try EntryStub(entry: entry, at: stub.start).bytes, at: stub.start, name: "entry stub")
    } catch {
      throw PlanError(.badRequest, "the entry stub cannot establish the value \(hex: error.found): \(error.rule)")
    }
  }

  /// By destination, as a plan has them.
  var sortedPieces: [Piece] { pieces.ordered { $0.destination.start.value } }

  /// The initrd and other modules: where they lie, or as high as they go, so that low memory stays in one piece.
  mutating func placeModules(
    _ modules: [PlanRequest.Module], below limit: UInt64
  ) throws(PlanError) -> [PhysicalRange] {
    var places: [PhysicalRange] = []
    for (index, module) in modules.enumerated() {
      if let place = module.place {
        places.add(try resident(module, at: place, below: limit))
        continue
      }
      guard let whole = module.size.alignedUp(to: .page4KiB),
        let range = allocator.takeHighest(whole, alignment: .page4KiB, below: limit)
      else {
        throw PlanError(
          .noRoom, "no free memory below \(hex: limit) holds the \(hex: module.size) bytes of \(module.name)",
          help: "free: " + rangeList(allocator.free))
      }
      let destination = PhysicalRange(uncheckedStart: range.start, count: module.size)
      places.add(destination)
      pieces.add(Piece(source: .module(index), destination: destination, owner: module.name))
    }
    return places
  }

  /// A module that stays, which is claimed from the beginning.
  private func resident(
    _ module: PlanRequest.Module, at place: PhysicalAddress, below limit: UInt64
  ) throws(PlanError) -> PhysicalRange {
    let range = PhysicalRange(uncheckedStart: place, count: module.size)
    guard range.endValue <= limit else {
      throw PlanError(
        .notUsable, "\(module.name) at \(hex: range) reaches beyond \(hex: limit), where the kernel looks")
    }
    return range
  }
}

extension AddressSpace {
  /// Plans are for x86-64. The format itself: the mode's would bring the tables of every processor into a boot loader.
  var tableFormat: X86_64Format {
    if case .x86_64FiveLevel = mode { X86_64Format(fiveLevels: true) } else { X86_64Format() }
  }
}
