import AddressSpace
import Addresses
import KernelImage
import Placement
import TestSupport
import Testing

/// Two segments that meet inside a page: text up to +0x1800, the other from there.
@Suite struct SharedPageTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private let machine = MemoryMap.computer(128 * mebibyte)

  private func kernel(
    _ first: SegmentFlags, _ second: SegmentFlags, secondPhysical: UInt64 = 0x40_1800
  ) -> ELFKernel {
    ELFKernel(
      ELFBuilder(entry: Self.link)
        .segment(flags: first, virtual: Self.link, physical: 0x40_0000, bytes: .pattern(0x1800))
        .segment(flags: second, virtual: Self.link + 0x1800, physical: secondPhysical, bytes: .pattern(0x1800)))
  }

  @Test func grantsTheRightsOfBoth() throws {
    let plan = try kernel([.read, .execute], [.read, .write]).plan(PlanRequest(machine))
    plan.expectSound()
    #expect(try plan.mapping(at: Self.link).access == .readExecute)
    #expect(try plan.mapping(at: Self.link + 0x1000).access == .readWriteExecute(because: .sharedPage))
    #expect(try plan.mapping(at: Self.link + 0x2000).access == .readWrite)
    let shared = try plan.decision("pages of segment 0, segment 1")
    #expect(shared.because.contains("share the page"))
    let tables = try TableReader(plan)
    let rights = (0..<3 as Range<UInt64>).map { tables.page(at: Self.link + $0 << 12) }
    #expect(rights.map { $0?.isWritable } == [false, true, true])
    #expect(rights.map { $0?.isExecutable } == [true, true, false])
    #expect(rights.map { $0?.physical } == [0x40_0000, 0x40_1000, 0x40_2000])
  }

  @Test func grantsNoMoreThanBothTogether() throws {
    func shared(_ first: SegmentFlags, _ second: SegmentFlags) throws -> Access {
      try kernel(first, second).plan(PlanRequest(machine)).mapping(at: Self.link + 0x1000).access
    }
    #expect(try shared([.read], [.read]) == .read)
    #expect(try shared([.read], [.read, .write]) == .readWrite)
    #expect(try shared([.read, .write], [.read]) == .readWrite)
    #expect(try shared([.read, .execute], [.read]) == .readExecute)
    #expect(try shared([.read, .write, .execute], [.read]) == .readWriteExecute(because: .segmentFlags))
  }

  @Test func threeSegmentsInOnePageShareItToo() throws {
    let kernel = ELFKernel(
      ELFBuilder(entry: Self.link)
        .segment(flags: [.read, .execute], virtual: Self.link, physical: 0x40_0000, bytes: .pattern(0x400))
        .segment(flags: [.read], virtual: Self.link + 0x400, physical: 0x40_0400, bytes: .pattern(0x400))
        .segment(virtual: Self.link + 0x800, physical: 0x40_0800, bytes: .pattern(0x400)))
    let plan = try kernel.plan(PlanRequest(machine))
    plan.expectSound()
    let mapping = try plan.mapping(at: Self.link)
    #expect(mapping.virtual.count.value == 0x1000)
    #expect(mapping.access == .readWriteExecute(because: .sharedPage))
  }

  /// 0x501800 is congruent, but one virtual page cannot show 0x401000 and 0x501000.
  @Test func onePageCannotShowTwoPlaces() throws {
    let error = try kernel([.read], [.read], secondPhysical: 0x50_1800).refusal(PlanRequest(machine))
    #expect(error?.code == .overlap)
    #expect(error?.sentence.contains("0xffffffff80201000") == true)
    #expect(try kernel([.read], [.read], secondPhysical: 0x40_1801).refusal(PlanRequest(machine))?.code == .misaligned)
  }
}
