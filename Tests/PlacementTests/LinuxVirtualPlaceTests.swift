import AddressSpace
import Addresses
import Placement
import Testing

/// The virtual place: 1 + (1 GiB - LOAD_PHYSICAL_ADDR - size) / alignment slots (arch/x86/boot/compressed/kaslr.c,
/// find_random_virt_addr).
@Suite struct LinuxVirtualPlaceTests {
  private let machine = MemoryMap.computer(512 * mebibyte)

  private func slots(_ kernel: LinuxKernel) throws -> UInt64? {
    try kernel.plan(PlanRequest(machine) { $0.seed = 1 }).randomization?.virtualSlots
  }

  /// (1024 - 16 - size) / 2 + 1.
  @Test(arguments: zip([16, 32, 48, 64] as [UInt64], [497, 489, 481, 473] as [UInt64]))
  func countsSlotsAsLinuxDoes(size: UInt64, expected: UInt64) throws {
    #expect(expected == 1 + (1024 - 16 - size) / 2)
    #expect(try slots(LinuxKernel(span: size << 20)) == expected)
    // A size is rounded up to 2 MiB.
    #expect(try slots(LinuxKernel(span: (size << 20) - 1)) == expected)
    #expect(try slots(LinuxKernel(span: (size << 20) + 1)) == expected - 1)
  }

  @Test(arguments: zip([16, 32, 48, 64] as [UInt64], [63, 62, 61, 60] as [UInt64]))
  func countsSlotsOf16MiB(size: UInt64, expected: UInt64) throws {
    #expect(try slots(LinuxKernel(span: size << 20, setup: .init(alignment: 0x100_0000))) == expected)
  }

  @Test func drawsOnlyInsideTheWindow() throws {
    var lowest = Int64.max
    var highest = Int64.min
    for seed in 0..<2000 as Range<UInt64> {
      let slide = try LinuxKernel(span: 0x4000).plan(PlanRequest(machine) { $0.seed = seed }).slide.value
      #expect(slide >= 0 && slide % 0x20_0000 == 0)
      #expect(0x100_0000 + slide + 0x20_0000 <= 1 << 30)
      lowest = min(lowest, slide)
      highest = max(highest, slide)
    }
    // 504 slots, 2000 draws: the lowest and the highest hundredth are both reached but with probability e^-20.
    #expect(lowest < 6 << 21)
    #expect(highest > 498 << 21)
  }

  /// The image ends at 1 GiB with a slide of 1024 - 16 - 16 = 992 MiB.
  @Test func slidesEndWithTheWindow() throws {
    func code(_ slide: Int64) throws -> PlanError.Code? {
      try LinuxKernel().refusal(PlanRequest(machine) { $0.slide = slide })?.code
    }
    #expect(try code(0) == nil)
    #expect(try code(992 << 20) == nil)
    #expect(try code(994 << 20) == .badRequest)
    #expect(try code(1 << 20) == .misaligned)
    #expect(try code(-(2 << 20)) == .misaligned)
    #expect(try code(.min) == .misaligned)
    #expect(try code(.max) == .misaligned)
    #expect(try code(.max & ~0x1f_ffff) == .badRequest)
  }

  @Test func aSlideMovesNothingPhysical() throws {
    let plan = try LinuxKernel().plan(PlanRequest(machine) { $0.slide = 992 << 20 })
    #expect(plan.imageExtent.start.value == 16 * mebibyte)
    #expect(plan.entry.address == 16 * mebibyte + 0x40)
    #expect(plan.slide.value == 992 << 20)
    #expect(try plan.decision("virtual place").choice == "0xffffffffbf000000")
  }

  @Test func withoutATableThereIsOnePlace() throws {
    let kernel = LinuxKernel(table: nil)
    let error = try kernel.refusal(PlanRequest(machine) { $0.slide = 0x20_0000 })
    #expect(error?.code == .notRelocatable)
    #expect(error?.help?.contains("CONFIG_RANDOMIZE_BASE") == true)
    #expect(try kernel.refusal(PlanRequest(machine) { $0.slide = 0 }) == nil)
    let plan = try kernel.plan(PlanRequest(machine) { $0.seed = 9 })
    #expect(plan.randomization?.virtualSlots == 1)
    #expect(plan.slide == .none)
    // What the table decides is only the virtual place: 1 + (512 - 16 - 16) / 2.
    #expect(plan.randomization?.physicalSlots == 241)
  }

  @Test func anImageLargerThanTheWindowHasOnePlace() throws {
    let big = MemoryMap.computer(2048 * mebibyte)
    let plan = try LinuxKernel(span: 1100 << 20).plan(PlanRequest(big) { $0.seed = 9 })
    #expect(plan.randomization?.virtualSlots == 1)
    #expect(plan.slide == .none)
  }
}
