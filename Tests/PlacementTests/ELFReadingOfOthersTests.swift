import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement
import TestSupport
import Testing

/// Images of old and new traditions: `p_paddr` physical, virtual, and mixed; one reading for the whole image.
@Suite struct ELFReadingOfOthersTests {
  /// The segments of OpenSolaris's Xen kernels: (p_vaddr, p_paddr, p_filesz, p_memsz), entry 0x40800000, VIRT_BASE
  /// 0x40000000.
  static let segments64: [(UInt64, UInt64, Int, UInt64)] = [
    (0x4080_0000, 0x4080_0000, 0xed28, 0xed28), (0xffff_ffff_fb80_0000, 0x4000_0000, 0x39_adca, 0x39_adca),
    (0xffff_ffff_fbc0_0000, 0x4040_0000, 0x2_0fe9, 0xe_36c0),
  ]
  static let segments32: [(UInt64, UInt64, Int, UInt64)] = [
    (0x4080_0000, 0x4080_0000, 0xe95c, 0xe95c), (0xfb40_0000, 0x4000_0000, 0x2a_a362, 0x2a_a362),
    (0xfb80_0000, 0x4040_0000, 0x1_6515, 0x9_4a44),
  ]
  /// 0x40000000 less 0x40000000, up to 0x4080ed28 or 0x4080e95c less that.
  static let spans: [UInt64: UInt64] = [64: 0x80_ed28, 32: 0x80_e95c]

  static func solaris(_ bits: UInt64) -> ELFBuilder {
    let start = ELFBuilder(
      class: bits == 64 ? .bits64 : .bits32, machine: bits == 64 ? .x86_64 : .i386, entry: 0x4080_0000)
    return (bits == 64 ? segments64 : segments32).reduce(start) {
      $0.segment(
        flags: [.read, .execute], virtual: $1.0, physical: $1.1, bytes: [UInt8](repeating: 0x90, count: $1.2),
        memorySize: $1.3)
    }
  }

  static func text(_ text: String, _ builder: ELFBuilder) -> ELFBuilder {
    builder.section("__xen_guest", bytes: Array(text.utf8) + [0])
  }

  static func note(_ type: UInt32, _ value: UInt64, _ builder: ELFBuilder) -> ELFBuilder {
    builder.note(owner: "Xen", type: type, descriptor: [UInt8](littleEndian: value))
  }

  static let large = PlanRequest(.computer(2048 * mebibyte))

  /// As it stands: physical, at 1 GiB, and the entry where the first segment is. Nothing in the file says so.
  @Test(arguments: [64, 32] as [UInt64]) func mixedSegmentsArePhysicalWhereMemoryIs(bits: UInt64) throws {
    let plan = try ELFKernel(Self.solaris(bits)).plan(Self.large)
    plan.expectSound()
    for (index, segment) in (bits == 64 ? Self.segments64 : Self.segments32).enumerated() {
      #expect(try plan.piece("segment \(index)").destination.start.value == segment.1)
    }
    #expect(plan.entry.address == 0x4080_0000)
    #expect(plan.imageExtent == physical(0x4000_0000, count: try #require(Self.spans[bits])))
    let decision = try plan.decision("reading of p_paddr")
    #expect(decision.choice == "physical addresses")
    #expect(
      decision.rejected.map(\.candidate) == [
        "virtual addresses: \(bits == 64 ? "0x80ed28" : "0x80e95c") bytes at any place"
      ])
    #expect(plan.remarks.map(\.kind) == [.ambiguousReading])
    #expect(plan.remarks[0].sentence.hasSuffix("the note PADDR_OFFSET would end it"))
  }

  /// Where the machine ends below 1 GiB they cannot be physical: the whole image moves, and its distances stay.
  @Test(arguments: [64, 32] as [UInt64]) func mixedSegmentsMoveAsOneWhereNoMemoryIs(bits: UInt64) throws {
    let plan = try ELFKernel(Self.solaris(bits)).plan(PlanRequest(.computer(512 * mebibyte)))
    plan.expectSound()
    let base = try plan.piece("segment 1").destination.start.value
    #expect(try plan.piece("segment 2").destination.start.value == base + 0x40_0000)
    #expect(try plan.piece("segment 0").destination.start.value == base + 0x80_0000)
    #expect(plan.entry.address == (bits == 64 ? 0x4080_0000 : base + 0x80_0000))
    #expect(try plan.decision("reading of p_paddr").choice == "only distances count")
    #expect(plan.remarks.map(\.kind) == [.ambiguousReading])
  }

  /// VIRT_BASE in the string is the default of ELF_PADDR_OFFSET: p_paddr less 0x40000000 starts at 0, where nothing is
  /// placed, so that the image moves. ELF_PADDR_OFFSET=0, or notes with an offset, decide too.
  @Test(arguments: [64, 32] as [UInt64]) func aFieldDecides(bits: UInt64) throws {
    func plan(_ builder: ELFBuilder) throws -> LoadPlan { try ELFKernel(builder).plan(Self.large) }
    let image = Self.solaris(bits)
    let moved = [
      Self.text("GUEST_OS=Solaris,VIRT_BASE=0x40000000,PAE=yes", image),
      Self.text("VIRT_BASE=1073741824", image), Self.text("ELF_PADDR_OFFSET=010000000000,VIRT_BASE=0x0", image),
      Self.note(4, 0x4000_0000, Self.note(3, 0x4000_0000, image)),
    ]
    for builder in moved {
      let plan = try plan(builder)
      plan.expectSound()
      #expect(plan.imageExtent.start.value < 0x4000_0000)
      #expect(plan.imageExtent.count.value == Self.spans[bits])
      #expect(try plan.decision("reading of p_paddr").choice == "only distances count")
      #expect(plan.remarks.isEmpty)
    }
    for builder in [
      Self.text("VIRT_BASE=0x40000000,ELF_PADDR_OFFSET=0x0", image), Self.note(4, 0, image),
      Self.note(18, 0x4080_0000, image),
    ] {
      let plan = try plan(builder)
      #expect(plan.imageExtent.start.value == 0x4000_0000)
      #expect(plan.remarks.isEmpty)
    }
    // Notes with VIRT_BASE alone decide nothing.
    let open = try plan(Self.note(3, 0x4000_0000, image))
    #expect(open.imageExtent.start.value == 0x4000_0000)
    #expect(open.remarks.map(\.kind) == [.ambiguousReading])
    #expect(
      try open.decision("reading of p_paddr").rejected[0].candidate
        == "virtual addresses: [0x0, \(bits == 64 ? "0x80ed28" : "0x80e95c")), less VIRT_BASE 0x40000000")
  }

  /// 0x40000000 less 0x30000000 is 0x10000000, which is memory: the field names a place.
  @Test func anOffsetNamesAPlace() throws {
    let plan = try ELFKernel(Self.note(4, 0x3000_0000, Self.solaris(64))).plan(PlanRequest(.computer(512 * mebibyte)))
    #expect(plan.imageExtent.start.value == 0x1000_0000)
    #expect(try TableReader(plan).page(at: 0xffff_ffff_fb80_0000)?.physical == 0x1000_0000)
    let beyond = ELFKernel(Self.note(4, 0x4000_0001, Self.solaris(64)))
    #expect(try beyond.refusal(Self.large)?.code == .wrongImage)
    // A string's default that p_paddr do not reach is none: they are physical.
    let text = ELFKernel(Self.text("VIRT_BASE=0xffffffff80000000", Self.solaris(64)))
    #expect(try text.plan(Self.large).imageExtent.start.value == 0x4000_0000)
  }

  /// Old Linux: p_paddr repeats p_vaddr, but for the vsyscall page, which p_vaddr has near the top. By p_vaddr the image
  /// would be 0x7f501000 bytes long; by p_paddr it is 0x4000.
  @Test func theVsyscallSegmentDoesNotMeasureTheImage() throws {
    let link: UInt64 = 0xffff_ffff_8010_0000
    let kernel = ELFKernel(
      ELFBuilder(entry: link)
        .segment(flags: [.read, .execute], virtual: link, bytes: .pattern(0x2000))
        .segment(
          flags: [.read, .execute], virtual: 0xffff_ffff_ff60_0000, physical: link + 0x3000, bytes: .pattern(0x1000)))
    let plan = try kernel.plan(PlanRequest(.computer(128 * mebibyte)))
    plan.expectSound()
    #expect(plan.imageExtent.count.value == 0x4000)
    let first = try plan.piece("segment 0").destination.start.value
    #expect(try plan.piece("segment 1").destination.start.value == first + 0x3000)
    #expect(try TableReader(plan).page(at: 0xffff_ffff_ff60_0000)?.physical == first + 0x3000)
    // No machine has memory at 2⁶⁴ - 2 GiB: there is one reading only.
    #expect(plan.remarks.isEmpty)
  }

  /// Old Linux for i386, linked at 0xc0100000 and saying so in p_paddr: on a machine that ends below, it moves; a machine
  /// with memory there could mean it.
  @Test func aLinuxOfOldForI386() throws {
    let kernel = ELFKernel(
      ELFBuilder(class: .bits32, machine: .i386, entry: 0xc010_0020)
        .segment(flags: [.read, .execute], virtual: 0xc010_0000, bytes: .pattern(0x3000)))
    let plan = try kernel.plan(PlanRequest(.computer(128 * mebibyte)))
    #expect(plan.entry.mode == .protected32)
    #expect(plan.longMode == nil)
    #expect(plan.entry.address == plan.imageExtent.start.value + 0x20)
    #expect(plan.remarks.map(\.kind) == [.ambiguousReading])
    let told = ELFKernel(
      Self.note(
        4, 0xc000_0000,
        ELFBuilder(class: .bits32, machine: .i386, entry: 0xc010_0020)
          .segment(flags: [.read, .execute], virtual: 0xc010_0000, bytes: .pattern(0x3000))))
    #expect(try told.plan(PlanRequest(.computer(128 * mebibyte))).entry.address == 0x10_0020)
  }

  /// What is linked where it lies means the same in both readings.
  @Test func anIdentityImageIsNotAmbiguous() throws {
    for bits in [ELFClass.bits32, .bits64] {
      let kernel = ELFKernel(
        ELFBuilder(class: bits, machine: bits == .bits32 ? .i386 : .x86_64, entry: 0x20_0000)
          .segment(flags: [.read, .execute], virtual: 0x20_0000, bytes: .pattern(0x1000)))
      let plan = try kernel.plan(PlanRequest(.computer(128 * mebibyte)))
      #expect(plan.imageExtent.start.value == 0x20_0000)
      #expect(plan.remarks.isEmpty)
    }
  }

  private func code(_ builder: ELFBuilder, _ request: PlanRequest) throws -> PlanError.Code? {
    try ELFKernel(builder.segment(virtual: 0x20_0000, bytes: .pattern(0x1000))).refusal(request)?.code
  }

  @Test func whatPagingOffRulesOut() throws {
    let image = ELFBuilder(class: .bits32, machine: .i386, entry: 0x20_0000)
    #expect(try code(image, Self.large) == nil)
    #expect(
      try code(ELFBuilder(class: .bits32, type: .shared, machine: .i386, entry: 0x20_0000), Self.large) == .wrongImage)
    #expect(try code(ELFBuilder(class: .bits32, machine: .i386, entry: 0x20_1000), Self.large) == .wrongImage)
    #expect(try code(image, PlanRequest(.computer(2048 * mebibyte)) { $0.slide = 0x1000 }) == .notRelocatable)
    let high = PlanRequest(.usable((0x10_0000, 0x2_0000_0000))) { $0.physical = .at(PhysicalAddress(0x1_0000_0000)) }
    #expect(try code(image, high) == .notUsable)
    let plan = try ELFKernel(image.segment(virtual: 0x20_0000, bytes: [1])).plan(Self.large)
    #expect(throws: PlanError.self) { try Capsule(plan) }
  }
}
