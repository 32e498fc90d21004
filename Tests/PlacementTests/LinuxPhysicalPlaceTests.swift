import AddressSpace
import Addresses
import Placement
import Testing

/// Where Linux's planner puts the kernel's bytes. The synthetic kernel is linked at 16 MiB and spans 16 MiB.
@Suite struct LinuxPhysicalPlaceTests {
  private let machine = MemoryMap.computer(128 * mebibyte)

  @Test func goesToItsLinkAddressWithoutASetupHeader() throws {
    let plan = try LinuxKernel().plan(PlanRequest(machine))
    plan.expectSound()
    #expect(plan.imageExtent == physical(16 * mebibyte, count: 16 * mebibyte))
    #expect(try plan.piece("segment 0").destination == physical(16 * mebibyte, count: 0x1800))
    #expect(try plan.piece("segment 1").destination == physical(16 * mebibyte + 0x2000, count: 0x800))
    #expect(try plan.piece("segment 1").extent.endValue == 32 * mebibyte)
    #expect(plan.entry.address == 16 * mebibyte + 0x40)
    #expect(plan.randomization == nil)
  }

  @Test func goesToThePreferredAddress() throws {
    let kernel = LinuxKernel(setup: .init(preferred: 0x200_0000))
    let plan = try kernel.plan(PlanRequest(machine))
    plan.expectSound()
    #expect(plan.imageExtent.start.value == 0x200_0000)
    #expect(plan.entry.address == 0x200_0040)
    #expect(plan.slide == .none)
  }

  @Test func aVirtualEntryIsTheSameDistance() throws {
    let plan = try LinuxKernel(entry: 0xffff_ffff_8100_0123).plan(PlanRequest(machine))
    #expect(plan.entry.address == 0x100_0123)
  }

  @Test(arguments: [0x110_0000, 0x100_1000, 0x100_0001] as [UInt64])
  func refusesAMisalignedPlace(place: UInt64) throws {
    let error = try LinuxKernel().refusal(PlanRequest(machine) { $0.physical = .at(PhysicalAddress(place)) })
    #expect(error?.code == .misaligned)
    #expect(error?.sentence.contains("0x" + String(place, radix: 16)) == true)
  }

  @Test func theSetupHeadersAlignmentCounts() throws {
    let kernel = LinuxKernel(setup: .init(alignment: 0x100_0000))
    let request = PlanRequest(machine) { $0.physical = .at(PhysicalAddress(0x220_0000)) }
    #expect(try kernel.refusal(request)?.code == .misaligned)
    #expect(try LinuxKernel(setup: .init()).refusal(request) == nil)
    // Less than the 2 MiB that startup_64 demands is not believed.
    let fine = LinuxKernel(setup: .init(alignment: 0x1000))
    let odd = PlanRequest(machine) { $0.physical = .at(PhysicalAddress(0x210_0000)) }
    #expect(try fine.refusal(odd)?.code == .misaligned)
    #expect(try LinuxKernel(setup: .init(alignment: 0x30_0000)).refusal(PlanRequest(machine))?.code == .badRequest)
  }

  /// 128 MiB: the last place for 16 MiB is 112 MiB; below 1 MiB and into holes nothing goes.
  @Test func refusesWhatIsNotUsable() throws {
    let kernel = LinuxKernel()
    func code(_ place: UInt64, _ machine: MemoryMap) throws -> PlanError.Code? {
      try kernel.refusal(PlanRequest(machine) { $0.physical = .at(PhysicalAddress(place * mebibyte)) })?.code
    }
    #expect(try code(112, machine) == nil)
    #expect(try code(114, machine) == .notUsable)
    #expect(try code(0, machine) == .notUsable)
    #expect(try code(2, machine) == nil)
    #expect(try code(1 << 31, machine) == .notUsable)
    let holed = MemoryMap.usable((0x10_0000, 48 * mebibyte), (48 * mebibyte + 0x1000, 128 * mebibyte))
    #expect(try code(32, holed) == nil)
    #expect(try code(34, holed) == .notUsable)
  }

  @Test func theSetupHeadersInitSizeIsRoomToo() throws {
    let kernel = LinuxKernel(setup: .init(initSize: 64 << 20))
    func code(_ place: UInt64) throws -> PlanError.Code? {
      try kernel.refusal(PlanRequest(machine) { $0.physical = .at(PhysicalAddress(place * mebibyte)) })?.code
    }
    #expect(try code(64) == nil)
    #expect(try code(66) == .notUsable)
  }

  @Test func tooLittleMemoryIsRefused() throws {
    let small = MemoryMap.computer(24 * mebibyte)
    #expect(try LinuxKernel().refusal(PlanRequest(small))?.code == .notUsable)
    #expect(try LinuxKernel().refusal(PlanRequest(small) { $0.physical = .any })?.code == .noRoom)
    #expect(try LinuxKernel().refusal(PlanRequest(small) { $0.seed = 1 })?.code == .noRoom)
    #expect(try LinuxKernel().refusal(PlanRequest(MemoryMap(normalising: []))) != nil)
  }

  /// From 16 MiB on, as nothing is placed lower than min(link, 512 MiB): 1 + (128 - 16 - 16) / 2 = 49 places; an initrd
  /// of 1 MiB at the top leaves 1 + floor((127 - 16 - 16) / 2) = 48.
  @Test func drawsAmongAllSlots() throws {
    let plan = try LinuxKernel().plan(PlanRequest(machine) { $0.seed = 1 })
    #expect(plan.randomization?.physicalSlots == 49)
    let beside = try LinuxKernel().plan(
      PlanRequest(machine) {
        $0.seed = 1
        $0.modules = [.init(name: "initrd", size: .mebibytes(1))]
      })
    #expect(beside.randomization?.physicalSlots == 48)
    var seen: Set<UInt64> = []
    for seed in 0..<400 as Range<UInt64> {
      let place = try LinuxKernel().plan(PlanRequest(machine) { $0.seed = seed }).imageExtent.start.value
      #expect(place % (2 * mebibyte) == 0 && (16 * mebibyte...112 * mebibyte).contains(place))
      seen.insert(place)
    }
    // 49 × (48/49)^400 = 0.013: a place that never comes up is as good as impossible.
    #expect(seen.count == 49)
  }

  @Test func goesAboveFourGibibytesOnlyWhenTheImageAllows() throws {
    let split = MemoryMap.usable((0x10_0000, 24 * mebibyte), (4096 * mebibyte, 5120 * mebibyte))
    let request = PlanRequest(split) { $0.physical = .any }
    let able = try LinuxKernel(setup: .init()).plan(request)
    #expect(able.imageExtent.start.value == 4096 * mebibyte)
    #expect(try LinuxKernel(setup: .init(extendedLoadFlags: 1)).refusal(request)?.code == .noRoom)
    let byHand = PlanRequest(split) { $0.physical = .at(PhysicalAddress(4096 * mebibyte)) }
    #expect(try LinuxKernel(setup: .init(extendedLoadFlags: 1)).refusal(byHand)?.code == .notUsable)
    // A range that reaches across the limit is used up to it: the last place is 4 GiB less 16 MiB.
    let across = MemoryMap.usable((0x10_0000, 1 * mebibyte + 0x10_0000), (4072 * mebibyte, 5120 * mebibyte))
    let draws = try LinuxKernel(setup: .init(extendedLoadFlags: 1)).plan(PlanRequest(across) { $0.seed = 3 })
    #expect(draws.randomization?.physicalSlots == 1 + (4096 - 4072 - 16) / 2)
  }

  @Test func keepsOutOfTheFirmwaresMemory() throws {
    let scratch = physical(1 * mebibyte, to: 18 * mebibyte)
    #expect(try LinuxKernel().refusal(PlanRequest(machine) { $0.firmwareScratch = scratch })?.code == .notUsable)
    let plan = try LinuxKernel().plan(
      PlanRequest(machine) {
        $0.firmwareScratch = scratch
        $0.physical = .any
      })
    plan.expectSound()
    for piece in plan.pieces { #expect(!piece.extent.overlaps(scratch), "\(piece.owner)") }
    // What the loader makes takes the first pages behind, from 18 MiB on; the next multiple of 2 MiB is free.
    #expect(plan.imageExtent.start.value == 20 * mebibyte)
  }
}
