import AddressSpace
import Addresses
import Placement
import TestSupport
import Testing

/// A kernel delivered wherever there was room: 0xf030 bytes linked at 0xffffffff80200000, p_paddr 0, p_align 2 MiB.
@Suite struct ELFPlacementTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private static let code = [UInt8].pattern(0xf030)
  private static let kernel = ELFKernel(
    ELFBuilder(entry: link + 0xa70).segment(
      flags: [.read, .write, .execute], virtual: link, physical: 0, bytes: code, alignment: 0x20_0000))
  private let machine = MemoryMap.computer(128 * mebibyte)

  @Test(arguments: [0x39_0000, 0x32_0000, 0x2b_0000, 0x1a_0000] as [UInt64])
  func runsAtAnyPhysicalPlace(place: UInt64) throws {
    let plan = try Self.kernel.plan(PlanRequest(machine) { $0.physical = .at(PhysicalAddress(place)) })
    plan.expectSound()
    #expect(plan.imageExtent == physical(place, count: 0xf030))
    let isInPlace = try plan.placedImage(Self.kernel.bytes) == Self.code
    #expect(isInPlace)
    #expect(plan.entry.address == Self.link + 0xa70)
    #expect(plan.slide == .none)
    let tables = try TableReader(plan)
    // 0xf030 bytes are 16 pages.
    for page in 0..<16 as Range<UInt64> {
      #expect(
        tables.page(at: Self.link + page << 12 + 5)
          == .init(physical: place + page << 12 + 5, isWritable: true, isExecutable: true, size: 0x1000))
    }
    #expect(tables.page(at: Self.link + 16 << 12) == nil)
    #expect(tables.page(at: Self.link - 1) == nil)
    #expect(try plan.decision("pages of segment 0").because.contains("not congruent modulo 2 MiB"))
  }

  @Test func anyPlaceIsCongruentModulo2MiB() throws {
    let plan = try Self.kernel.plan(PlanRequest(machine) { $0.physical = .any })
    plan.expectSound()
    // The lowest multiple of 2 MiB at or above 1 MiB.
    #expect(plan.imageExtent.start.value == 0x20_0000)
    let seeded = try Self.kernel.plan(PlanRequest(machine) { $0.seed = 11 })
    #expect(seeded.imageExtent.start.value % 0x20_0000 == 0)
    // 2 MiB, 4 MiB, … 126 MiB.
    #expect(seeded.randomization?.physicalSlots == 63)
    #expect(seeded.randomization?.virtualSlots == 1)
  }

  @Test func anyPlaceIsCongruentModulo4KiBWhereNothingElseIsFree() throws {
    let narrow = MemoryMap.usable((0x10_0000, 0x1f_f000))
    let plan = try Self.kernel.plan(PlanRequest(narrow) { $0.physical = .any })
    plan.expectSound()
    #expect(plan.imageExtent.start.value == 0x10_0000)
    #expect(try plan.decision("physical place").rejected.count == 1)
  }

  @Test func itsOwnPhysicalAddressIsNoPlace() throws {
    let error = try Self.kernel.refusal(PlanRequest(machine) { $0.physical = .asLinked })
    #expect(error?.code == .notUsable)
    #expect(try Self.kernel.refusal(PlanRequest(machine))?.code == .notUsable)
  }

  @Test func placesThatNoPageCanMapAreRefused() throws {
    let request = PlanRequest(machine) { $0.physical = .at(PhysicalAddress(0x39_0010)) }
    #expect(try Self.kernel.refusal(request)?.code == .misaligned)
  }

  @Test func writableCodeIsReported() throws {
    let plan = try Self.kernel.plan(PlanRequest(machine) { $0.physical = .any })
    #expect(try plan.mapping(at: Self.link).access == .readWriteExecute(because: .segmentFlags))
    #expect(try plan.decision("pages of segment 0").because.contains("rwx"))
  }

  @Test func largePagesWhereAWhole2MiBBlockLiesInside() throws {
    // 5 MiB from the link address: two blocks of 2 MiB, then 256 pages.
    let kernel = ELFKernel(
      ELFBuilder(entry: Self.link).segment(
        flags: [.read, .execute], virtual: Self.link, bytes: [0xf4], memorySize: 5 * mebibyte))
    let plan = try kernel.plan(PlanRequest(machine) { $0.physical = .any })
    #expect(try plan.decision("pages of segment 0").choice == "2 × 2 MiB + 256 × 4 KiB")
    let tables = try TableReader(plan)
    let place = plan.imageExtent.start.value
    #expect(
      tables.page(at: Self.link + 3 * mebibyte)
        == .init(physical: place + 3 * mebibyte, isWritable: false, isExecutable: true, size: 0x20_0000))
    #expect(tables.page(at: Self.link + 5 * mebibyte - 1)?.size == 0x1000)
    #expect(tables.page(at: Self.link + 5 * mebibyte) == nil)
    // A megabyte further, and no virtual block is a physical block.
    let odd = try kernel.plan(PlanRequest(machine) { $0.physical = .at(PhysicalAddress(0x30_0000)) })
    #expect(try odd.decision("pages of segment 0").choice == "1280 × 4 KiB")
  }
}
