import AddressSpace
import Addresses
import Placement
import TestSupport
import Testing

/// ET_DYN kernels: linked at 0, run in the window where Linux links its own.
@Suite struct PositionIndependentTests {
  private static let kernel = ELFKernel(
    ELFBuilder(type: .shared, entry: 0x40)
      .segment(flags: [.read, .execute], virtual: 0, bytes: .pattern(0x1000))
      .segment(virtual: 0x1000, bytes: .pattern(0x1000), memorySize: 0x2000)
  ).rela(0x1008, 8, 0x50).relr(0x1010)
  private let machine = MemoryMap.computer(128 * mebibyte)

  @Test func itsPlaceByDefaultIsThatOfLinux() throws {
    let plan = try Self.kernel.plan(PlanRequest(machine))
    plan.expectSound()
    #expect(UInt64(bitPattern: plan.slide.value) == 0xffff_ffff_8100_0000)
    #expect(plan.entry.address == 0xffff_ffff_8100_0040)
    #expect(try TableReader(plan).page(at: 0xffff_ffff_8100_0000)?.physical == plan.imageExtent.start.value)
  }

  @Test func itIsRelocated() throws {
    let plan = try Self.kernel.plan(PlanRequest(machine))
    let memory = try plan.placedImage(Self.kernel.bytes)
    #expect(memory.word(UInt64.self, at: 0x1008) == 0xffff_ffff_8100_0050)
    let linked = [UInt8].pattern(0x1000).word(UInt64.self, at: 0x10)
    #expect(memory.word(UInt64.self, at: 0x1010) == linked &+ 0xffff_ffff_8100_0000)
  }

  @Test func relocationsCountEvenWithoutASlide() throws {
    let plan = try Self.kernel.plan(PlanRequest(machine) { $0.slide = 0 })
    #expect(plan.slide == .none)
    #expect(try plan.placedImage(Self.kernel.bytes).word(UInt64.self, at: 0x1008) == 0x50)
  }

  @Test func seedsChangeThePlace() throws {
    var places: Set<UInt64> = []
    for seed in 0..<64 as Range<UInt64> {
      let plan = try Self.kernel.plan(PlanRequest(machine) { $0.seed = seed })
      let start = plan.entry.address - 0x40
      #expect(start % 0x20_0000 == 0)
      #expect(start >= 0xffff_ffff_8100_0000 && start + 0x3000 <= 0xffff_ffff_c000_0000)
      #expect(try plan.placedImage(Self.kernel.bytes).word(UInt64.self, at: 0x1008) == start + 0x50)
      places.insert(start)
    }
    // 64 draws of about 500: 4 pairs coincide on average.
    #expect(places.count > 48)
  }

  @Test func aSlideByHandIsInPages() throws {
    #expect(try Self.kernel.plan(PlanRequest(machine) { $0.slide = 0x7000_3000 }).slide.value == 0x7000_3000)
    #expect(try Self.kernel.refusal(PlanRequest(machine) { $0.slide = 0x7000_3800 })?.code == .misaligned)
    #expect(try Self.kernel.refusal(PlanRequest(machine) { $0.slide = 0x7fff_ffff_f000 }) != nil)
  }

  @Test func aKernelAddressIsKept() throws {
    let kernel = ELFKernel(
      ELFBuilder(type: .shared, entry: 0xffff_ffff_9000_0000).segment(
        flags: [.read, .execute], virtual: 0xffff_ffff_9000_0000, bytes: .pattern(0x1000)))
    #expect(try kernel.plan(PlanRequest(machine)).slide == .none)
  }

  @Test func badRelocationsAreRefusedWhilePlanning() throws {
    let builder = ELFBuilder(type: .shared, entry: 0x40).segment(flags: [.read], virtual: 0, bytes: .pattern(0x1000))
    let request = PlanRequest(machine)
    #expect(try ELFKernel(builder).rela(0xff8, 8, 0).refusal(request) == nil)
    #expect(try ELFKernel(builder).rela(0xff9, 8, 0).refusal(request)?.code == .badRelocation)
    #expect(try ELFKernel(builder).rela(0, 6, 0).refusal(request)?.code == .badRelocation)
    #expect(try ELFKernel(builder).relr(0x1000).refusal(request)?.code == .badRelocation)
  }

  @Test func anImageLargerThanTheWindowIsRefused() throws {
    let kernel = ELFKernel(
      ELFBuilder(type: .shared, entry: 0).segment(virtual: 0, bytes: [1], memorySize: 1 << 30))
    #expect(try kernel.refusal(PlanRequest(.computer(4 << 30)))?.code == .noRoom)
  }
}
