import AddressSpace
import Addresses
import KernelImage
import Placement
import TestSupport
import Testing

/// How p_paddr is read, and which images are refused.
@Suite struct ELFReadingTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private let machine = MemoryMap.computer(128 * mebibyte)

  @Test func pPaddrIsPhysicalWhereItDiffers() throws {
    let kernel = ELFKernel(
      ELFBuilder(entry: Self.link)
        .segment(flags: [.read, .execute], virtual: Self.link, physical: 0x40_0000, bytes: .pattern(0x1000))
        .segment(virtual: Self.link + 0x1000, physical: 0x80_0000, bytes: .pattern(0x1000)))
    let plan = try kernel.plan(PlanRequest(machine))
    plan.expectSound()
    #expect(try plan.piece("segment 0").destination.start.value == 0x40_0000)
    #expect(try plan.piece("segment 1").destination.start.value == 0x80_0000)
    // Moved, the segments keep their physical distance of 4 MiB.
    let moved = try kernel.plan(PlanRequest(machine) { $0.physical = .at(PhysicalAddress(0x60_0000)) })
    #expect(try moved.piece("segment 1").destination.start.value == 0xa0_0000)
    #expect(try TableReader(moved).page(at: Self.link + 0x1000)?.physical == 0xa0_0000)
  }

  @Test func pPaddrThatRepeatsPVaddrOutsideMemoryIsADistance() throws {
    let kernel = ELFKernel(
      ELFBuilder(entry: Self.link)
        .segment(flags: [.read, .execute], virtual: Self.link, bytes: .pattern(0x1000))
        .segment(virtual: Self.link + 0x5000, bytes: .pattern(0x1000)))
    let plan = try kernel.plan(PlanRequest(machine))
    plan.expectSound()
    let first = try plan.piece("segment 0").destination.start.value
    #expect(first % 0x20_0000 == 0)
    #expect(try plan.piece("segment 1").destination.start.value == first + 0x5000)
    #expect(try plan.decision("reading of p_paddr").choice == "only distances count")
    #expect(try kernel.refusal(PlanRequest(machine) { $0.physical = .asLinked })?.code == .notUsable)
  }

  @Test func anIdentityKernelStaysWhereItIsLinked() throws {
    let kernel = ELFKernel(
      ELFBuilder(entry: 0x40_0000).segment(flags: [.read, .execute], virtual: 0x40_0000, bytes: .pattern(0x1000)))
    let plan = try kernel.plan(PlanRequest(machine))
    #expect(plan.imageExtent.start.value == 0x40_0000)
    #expect(try TableReader(plan).page(at: 0x40_0000)?.physical == 0x40_0000)
  }

  @Test func overlapsAreRefused() throws {
    func code(_ virtual: UInt64, _ physical: UInt64) throws -> PlanError.Code? {
      try ELFKernel(
        ELFBuilder(entry: Self.link)
          .segment(virtual: Self.link, physical: 0x40_0000, bytes: [1], memorySize: 0x3000)
          .segment(virtual: virtual, physical: physical, bytes: [2], memorySize: 0x1000)
      ).refusal(PlanRequest(machine))?.code
    }
    #expect(try code(Self.link + 0x3000, 0x40_3000) == nil)
    #expect(try code(Self.link + 0x2000, 0x50_0000) == .overlap)
    #expect(try code(Self.link, 0x50_0000) == .overlap)
    #expect(try code(Self.link + 0x3000, 0x40_2000) == .overlap)
    #expect(try code(Self.link + 0x3000, 0x3f_f000) == nil)
  }

  @Test func wrappingSegmentsAreRefused() throws {
    func code(_ virtual: UInt64, _ physical: UInt64, _ size: UInt64) throws -> PlanError.Code? {
      try ELFKernel(
        ELFBuilder(entry: virtual).segment(virtual: virtual, physical: physical, bytes: [1], memorySize: size)
      ).refusal(PlanRequest(machine))?.code
    }
    // The last page of the address space is whole, and may be used.
    #expect(try code(0xffff_ffff_ffff_f000, 0x40_0000, 0x1000) == nil)
    #expect(throws: ParseError.self) { try code(0xffff_ffff_ffff_f000, 0x40_0000, 0x1001) }
    #expect(try code(Self.link, 0xffff_ffff_ffff_f000, 0x2000) == .notUsable)
    #expect(try code(Self.link, 0x000f_ffff_ffff_f000, 0x2000) == .notUsable)
    #expect(try code(0x0000_7fff_ffff_f000, 0x40_0000, 0x2000) == .notUsable)
    #expect(try code(0x0001_0000_0000_0000, 0x40_0000, 0x1000) == .notUsable)
    #expect(try code(Self.link, 0x40_0000, .max - Self.link) != nil)
  }

  @Test func theEntryLiesInASegment() throws {
    func code(_ entry: UInt64) throws -> PlanError.Code? {
      try ELFKernel(
        ELFBuilder(entry: entry).segment(virtual: Self.link, physical: 0x40_0000, bytes: [1], memorySize: 0x1000)
      ).refusal(PlanRequest(machine))?.code
    }
    #expect(try code(Self.link + 0xfff) == nil)
    for entry in [0, 0x40_0000, Self.link - 1, Self.link + 0x1000, .max] {
      #expect(try code(entry) == .wrongImage)
    }
  }

  private func code(_ builder: ELFBuilder) throws -> PlanError.Code? {
    try ELFKernel(builder.segment(virtual: 0x40_0000, bytes: [1])).refusal(PlanRequest(machine))?.code
  }

  @Test func otherFilesAreRefused() throws {
    #expect(try code(ELFBuilder(entry: 0x40_0000)) == nil)
    #expect(try code(ELFBuilder(class: .bits32, machine: .x86_64, entry: 0x40_0000)) == .wrongImage)
    #expect(try code(ELFBuilder(type: .relocatable, entry: 0x40_0000)) == .wrongImage)
    #expect(try ELFKernel(ELFBuilder(entry: 0)).refusal(PlanRequest(machine))?.code == .wrongImage)
  }

  @Test func anExecutableDoesNotSlide() throws {
    let kernel = ELFKernel(ELFBuilder(entry: 0x40_0000).segment(virtual: 0x40_0000, bytes: [1]))
    #expect(try kernel.refusal(PlanRequest(machine) { $0.slide = 0x20_0000 })?.code == .notRelocatable)
    #expect(try kernel.refusal(PlanRequest(machine) { $0.slide = 0 }) == nil)
  }
}
