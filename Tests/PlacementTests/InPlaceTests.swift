import AddressSpace
import Addresses
import Placement
import TestSupport
import Testing

/// A higher-half kernel that a boot loader delivered as a module: it runs where its file lies, or is moved.
@Suite struct InPlaceTests {
  private static let code = [UInt8].pattern(0xf030)
  private static let places: [UInt64] = [0x39_0000, 0x32_0000, 0x2b_0000, 0x1a_0000]
  /// What the kernel was linked at, and the file offset that the linker gives it: congruent modulo p_align, behind the
  /// headers (readelf of the kernels in question: 0x200000, 0x10000, 0x120000, 0x190000).
  private static let links: [(address: UInt64, offset: UInt64)] = [
    (0xffff_ffff_8020_0000, 0x20_0000), (0xffff_ffff_8021_0000, 0x1_0000), (0xffff_ffff_8032_0000, 0x12_0000),
    (0xffff_ffff_8039_0000, 0x19_0000), (0xffff_ffff_8100_0000, 0x20_0000),
  ]
  private let machine = MemoryMap.computer(128 * mebibyte)
  /// Where such a loader lies itself.
  private let loader = PlanRequest.Occupied(name: "the loader", range: physical(0x10_0000, to: 0x11_8000))

  private static func kernel(_ link: UInt64, alignment: UInt64 = 0x20_0000) -> ELFKernel {
    ELFKernel(
      ELFBuilder(entry: link + 0xa70).segment(
        flags: [.read, .write, .execute], virtual: link, physical: 0, bytes: code, alignment: alignment))
  }

  private func request(at place: UInt64, _ change: (inout PlanRequest) -> Void = { _ in }) -> PlanRequest {
    PlanRequest(machine) {
      $0.imagePlace = PhysicalAddress(place)
      $0.occupied = [loader]
      change(&$0)
    }
  }

  @Test(arguments: places)
  func theFileIsTheImageWhereItLies(place: UInt64) throws {
    for (link, offset) in Self.links {
      let kernel = Self.kernel(link)
      let plan = try kernel.plan(request(at: place))
      plan.expectSound()
      #expect(plan.imageExtent == physical(place + offset, count: 0xf030))
      #expect(try plan.piece("segment 0").isResident)
      let choice = try plan.decision("physical place")
      #expect(choice.choice == "0x" + String(place + offset, radix: 16))
      #expect(choice.because.contains("memory already"))
      let tables = try TableReader(plan)
      for page in 0..<16 as Range<UInt64> {
        #expect(tables.page(at: link + page << 12)?.physical == place + offset + page << 12)
      }
      #expect(tables.page(at: link + 16 << 12) == nil)
      let isCongruent = (place + offset) % 0x20_0000 == link % 0x20_0000
      #expect(try plan.decision("pages of segment 0").because.contains("not congruent") == !isCongruent)
      // Nothing that the loader makes may lie in the file, whose pages are not all the image.
      let file = physical(place, count: UInt64(kernel.bytes.count))
      for piece in plan.pieces where !piece.isResident { #expect(!piece.extent.overlaps(file), "\(piece.owner)") }
    }
  }

  /// `ld -n` does not align segments in the file, so that no page can map one where it lies.
  @Test(arguments: places)
  func unalignedFilesAreMoved(place: UInt64) throws {
    for (link, _) in Self.links {
      // Headers of 64 + 56 bytes, and the segment at the next multiple of 16: at 0x80.
      let kernel = Self.kernel(link, alignment: 0x10)
      let plan = try kernel.plan(request(at: place))
      plan.expectSound()
      // The lowest place at or above 1 MiB that is congruent to the link address modulo 2 MiB. The file, 0xf0b0 bytes
      // at its place, is nowhere in the way; neither is the loader.
      let phase = link % 0x20_0000
      #expect(plan.imageExtent.start.value == (phase < 0x10_0000 + 0x1_8000 ? phase + 0x20_0000 : phase))
      #expect(try !plan.piece("segment 0").isResident)
      let reason = try #require(try plan.decision("physical place").rejected.first)
      #expect(reason.candidate == "in place")
      #expect(reason.reason.contains("differ modulo 4 KiB"))
      #expect(reason.reason.contains("0x" + String(place + 0x80, radix: 16)))
      let isPlaced = try plan.placedImage(kernel.bytes) == Self.code
      #expect(isPlaced)
    }
  }

  @Test func memoryIsNotTouchedButForZeros() throws {
    let link = Self.links[1].address
    // The second segment's zeros run over the end of the file, where section names stand.
    let kernel = ELFKernel(
      ELFBuilder(entry: link)
        .segment(flags: [.read, .execute], virtual: link, physical: 0, bytes: .pattern(0x1000))
        .segment(virtual: link + 0x1000, physical: 0x1000, bytes: .pattern(0x800, seed: 3), memorySize: 0x3000)
        .section(".comment", bytes: .pattern(64)))
    let place: UInt64 = 0x32_0000
    let plan = try kernel.plan(request(at: place))
    plan.expectSound()
    // Segments are at 0x1000 and 0x2000 of the file.
    #expect(plan.imageExtent == physical(place + 0x1000, count: 0x4000))
    let region = physical(place, count: 0x5000)
    let before = kernel.bytes + [UInt8](repeating: 0xaa, count: 0x5000 - kernel.bytes.count)
    var memory = before
    try memory.withMutableRawSpan { (span) throws(PlanError) in
      try plan.materialise(region, into: &span, image: [UInt8]().span.bytes, modules: NoModules())
    }
    let isKept = memory[..<0x2800] == before[..<0x2800]
    #expect(isKept)
    #expect(memory[0x2800...].allSatisfy { $0 == 0 })
  }

  @Test func zerosMustNotHitAnythingElse() throws {
    let link = Self.links[1].address
    let kernel = ELFKernel(
      ELFBuilder(entry: link).segment(
        flags: [.read, .write, .execute], virtual: link, physical: 0, bytes: .pattern(0x1000), memorySize: 0x8000))
    // Bytes at 0x321000 of memory; zeros to 0x329000, into the page of a module.
    let module = PlanRequest.Module(name: "module a", size: ByteCount(0x10), place: PhysicalAddress(0x32_8ff0))
    let moved = try kernel.plan(request(at: 0x32_0000) { $0.modules = [module] })
    moved.expectSound()
    #expect(moved.imageExtent.start.value == 0x21_0000)
    #expect(try moved.decision("physical place").rejected.first?.reason.contains("not all free") == true)
    let asked = request(at: 0x32_0000) {
      $0.modules = [module]
      $0.physical = .inPlace
    }
    let error = try #require(try kernel.refusal(asked))
    #expect(error.code == .notUsable)
    #expect(error.sentence.contains("in place") && error.sentence.contains("0x321000"))
    // The next page is free.
    let free = PlanRequest.Module(name: "module a", size: ByteCount(0x10), place: PhysicalAddress(0x32_9000))
    #expect(try kernel.plan(request(at: 0x32_0000) { $0.modules = [free] }).imageExtent.start.value == 0x32_1000)
  }

  @Test func segmentsThatLieCloserInTheFileAreMoved() throws {
    let link = Self.links[0].address
    let kernel = ELFKernel(
      ELFBuilder(entry: link).segment(flags: [.read, .execute], virtual: link, physical: 0, bytes: .pattern(0x1000))
        .segment(virtual: link + 0x10_0000, physical: 0x10_0000, bytes: .pattern(0x1000)))
    let plan = try kernel.plan(request(at: 0x32_0000))
    let reason = try #require(try plan.decision("physical place").rejected.first?.reason)
    // In the file they are neighbours, 0x1000 apart; in memory 1 MiB.
    #expect(reason.contains("p_offset lies 0x1000 bytes") && reason.contains("p_paddr 0x100000"))
    #expect(try kernel.refusal(request(at: 0x32_0000) { $0.physical = .inPlace })?.code == .badRequest)
  }

  @Test func anAddressByHandIsKeptFromTheFile() throws {
    let (link, offset) = Self.links[1]
    let kernel = Self.kernel(link)
    func at(_ address: UInt64) -> PlanRequest {
      request(at: 0x39_0000) { $0.physical = .at(PhysicalAddress(address)) }
    }
    // The very place where the file's segment lies is in place.
    #expect(try kernel.plan(at(0x39_0000 + offset)).piece("segment 0").isResident)
    let error = try #require(try kernel.refusal(at(0x39_0000 + offset + 0x1000)))
    #expect(error.code == .overlap)
    // 0x1f030 bytes of file.
    #expect(error.sentence.contains("the image's file, which is at [0x390000, 0x3af030)"))
    #expect(try kernel.refusal(at(0x11_0000))?.sentence.contains("the loader") == true)
    #expect(try kernel.plan(at(0x20_0000)).piece("segment 0").isResident == false)
  }

  @Test func seedsMoveIt() throws {
    for seed in 0..<16 as Range<UInt64> {
      let plan = try Self.kernel(Self.links[0].address).plan(request(at: 0x39_0000) { $0.seed = seed })
      plan.expectSound()
      #expect(try !plan.piece("segment 0").isResident)
      // [0x390000, 0x59f030) is the file.
      #expect(!plan.imageExtent.overlaps(physical(0x39_0000, to: 0x59_f030)))
    }
  }

  @Test func inPlaceNeedsAFileInMemory() throws {
    let error = try Self.kernel(Self.links[0].address).refusal(PlanRequest(machine) { $0.physical = .inPlace })
    #expect(error?.code == .badRequest)
    #expect(try LinuxKernel().refusal(PlanRequest(machine) { $0.physical = .inPlace })?.code == .badRequest)
  }

  @Test func aCapsuleHasNoBytesInMemoryAlready() throws {
    let plan = try Self.kernel(Self.links[0].address).plan(request(at: 0x39_0000))
    #expect(throws: PlanError.self) { try Capsule(plan) }
  }
}

/// Position-independent kernels in place: relocated where they lie.
@Suite struct RelocatedInPlaceTests {
  private let machine = MemoryMap.computer(128 * mebibyte)
  private let place: UInt64 = 0x32_0000

  /// Text at 0, data at 0x1000: at 0x1000 and 0x2000 of the file, with the table behind it at 0x3000.
  private static func kernel(memorySize: UInt64 = 0x1000, patching offset: UInt64 = 0x1008) -> ELFKernel {
    ELFKernel(
      ELFBuilder(type: .shared, entry: 0x40)
        .segment(flags: [.read, .execute], virtual: 0, bytes: .pattern(0x1000))
        .segment(virtual: 0x1000, bytes: .pattern(0x1000), memorySize: memorySize)
    ).rela(offset, 8, 0x50)
  }

  private var request: PlanRequest { PlanRequest(machine) { $0.imagePlace = PhysicalAddress(place) } }

  @Test func itIsRelocatedWhereItLies() throws {
    let kernel = Self.kernel()
    let plan = try kernel.plan(request)
    #expect(plan.imageExtent == physical(place + 0x1000, count: 0x2000))
    var memory = kernel.bytes
    let file = kernel.bytes
    try memory.withMutableRawSpan { (span) throws(PlanError) in
      try file.withRawSpan { (bytes) throws(PlanError) in
        try plan.materialise(
          physical(place, count: UInt64(file.count)), into: &span, image: bytes, modules: NoModules())
      }
    }
    // Linked at 0, run at 0xffffffff81000000: the addend 0x50 moves along.
    #expect(memory.word(UInt64.self, at: 0x2008) == 0xffff_ffff_8100_0050)
    var others = memory
    others.replaceSubrange(0x2008..<0x2010, with: file[0x2008..<0x2010])
    let isKept = others == file
    #expect(isKept)
  }

  @Test func zerosMustNotClearItsRelocations() throws {
    // One page of zeros behind the data, which is where the table lies in the file.
    let plan = try Self.kernel(memorySize: 0x2000).plan(request)
    #expect(try !plan.piece("segment 1").isResident)
    #expect(
      try plan.decision("physical place").rejected.first?.reason.contains("relocation table at [0x323000, 0x323018)")
        == true)
  }

  @Test func itsRelocationsMustNotPatchThemselves() throws {
    // Data and zeros of 0x1010 bytes reach to 0x3010 of the file in the image's terms 0x2010; the table must lie inside
    // the image to be patched, so it is made a part of the data segment.
    let words: [UInt64] = [0x1000, 8, 0x50]
    let data = words.flatMap { [UInt8](littleEndian: $0) } + [UInt8](repeating: 0, count: 0x100)
    var kernel = ELFKernel(
      ELFBuilder(type: .shared, entry: 0x40)
        .segment(flags: [.read, .execute], virtual: 0, bytes: .pattern(0x1000))
        .segment(virtual: 0x1000, bytes: data))
    kernel.rela = [FileRange(uncheckedStart: FileOffset(0x2000), count: ByteCount(24))]
    #expect(try kernel.refusal(request)?.code == .badRelocation)
    // Moved, the table that is read is not the one that is patched.
    #expect(try kernel.refusal(PlanRequest(machine)) == nil)
  }
}
