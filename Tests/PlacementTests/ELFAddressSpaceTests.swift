import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement
import TestSupport
import Testing

/// What is mapped for a generic ELF kernel beside the kernel itself.
@Suite struct ELFAddressSpaceTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private static let directMap: UInt64 = 0xffff_8880_0000_0000
  private static let kernel = ELFKernel(
    ELFBuilder(entry: link).segment(
      flags: [.read, .execute], virtual: link, physical: 0x40_0000, bytes: .pattern(0xf030)))

  /// A kernel has a handful of segments; the limit bounds the plan.
  @Test func moreThan1024SegmentsAreRefused() throws {
    func kernel(_ count: UInt64) -> ELFKernel {
      ELFKernel(
        (0..<count).reduce(ELFBuilder(entry: Self.link)) { builder, index in
          builder.segment(
            flags: [.read, .execute], virtual: Self.link + index * 0x1000, physical: 0x40_0000 + index * 0x1000,
            bytes: [0x90])
        })
    }
    let machine = MemoryMap.usable((0, 0x9_fc00), (0x10_0000, 0x400_0000))
    _ = try kernel(1024).plan(PlanRequest(machine))
    let error = #expect(throws: PlanError.self) { try kernel(1025).plan(PlanRequest(machine)) }
    #expect(error?.sentence.contains("1025 PT_LOAD segments") == true)
  }

  @Test func theDirectMapIsEveryWholeUsablePage() throws {
    // Whole pages: [0, 0x9f000), [0x101000, 0x4000000), [5 GiB, 5 GiB + 2 MiB + 4 KiB), and nothing of 0x5000800...
    let machine = MemoryMap.usable(
      (0, 0x9_fc00), (0x10_0800, 0x400_0fff), (0x500_0800, 0x500_1700),
      (5120 * mebibyte, 5122 * mebibyte + 0x1000))
    let plan = try Self.kernel.plan(PlanRequest(machine))
    let direct = plan.addressSpace.mappings.filter { $0.name == "direct map" }
    #expect(
      direct.map(\.physicalRange) == [
        physical(0, to: 0x9_f000), physical(0x10_1000, to: 0x400_0000),
        physical(5120 * mebibyte, count: 2 * mebibyte + 0x1000),
      ])
    #expect(direct.allSatisfy { $0.virtual.start.value == Self.directMap + $0.physical.value })
    #expect(direct.allSatisfy { $0.access == .readWrite })
    let tables = try TableReader(plan)
    for address in [0, 0x9_efff, 0x10_1000, 0x20_0000, 0x3ff_ffff, 5120 * mebibyte, 5122 * mebibyte + 0xfff] {
      let page = tables.page(at: Self.directMap + address)
      #expect(page?.physical == address)
      #expect(page?.isWritable == true && page?.isExecutable == false)
    }
    for address in [0x9_f000, 0x10_0fff, 0x400_0000, 0x500_1000, 5122 * mebibyte + 0x1000] {
      #expect(tables.page(at: Self.directMap + address) == nil)
    }
    #expect(tables.page(at: Self.directMap + 0x20_0000)?.size == 0x20_0000)
  }

  @Test func theDirectMapMayUse1GiBPagesOrMove() throws {
    let plan = try Self.kernel.plan(
      PlanRequest(.computer(3 << 30)) {
        $0.directMapBase = VirtualAddress(0xffff_c000_0000_0000)
        $0.directMapPage = .size1GiB
      })
    let tables = try TableReader(plan)
    #expect(tables.page(at: 0xffff_c000_4000_0000)?.size == 1 << 30)
    #expect(tables.page(at: 0xffff_c000_3fff_ffff)?.size == 0x20_0000)
    #expect(tables.page(at: Self.directMap) == nil)
    #expect(plan.state.registers.rdi >> 40 == 0xffff_c0)
  }

  @Test func impossibleDirectMapsAreRefused() throws {
    func code(_ base: UInt64) throws -> PlanError.Code? {
      try Self.kernel.refusal(
        PlanRequest(.computer(128 * mebibyte)) { $0.directMapBase = VirtualAddress(base) })?.code
    }
    #expect(try code(0xffff_ffff_8000_0000) == .overlap)
    #expect(try code(0xffff_ffff_f900_0000) == .badRequest)
    #expect(try code(0x0000_8000_0000_0000) == .notUsable)
    #expect(try code(0xffff_8880_0000_0800) == .misaligned)
  }

  @Test func thePageBelowTheStackIsNotMapped() throws {
    let plan = try Self.kernel.plan(PlanRequest(.computer(128 * mebibyte)))
    let top = plan.state.registers.rsp
    let tables = try TableReader(plan)
    // 64 KiB, and the guard page below.
    #expect(tables.page(at: top) == nil)
    #expect(tables.page(at: top - 1)?.isWritable == true)
    #expect(tables.page(at: top - 0x1_0000)?.isExecutable == false)
    #expect(tables.page(at: top - 0x1_0001) == nil)
    #expect(tables.page(at: top - 0x1_1000) == nil)
    let stack = try plan.piece("stack").extent
    #expect(tables.page(at: top - 0x1_0000)?.physical == stack.start.value)
    #expect(stack.count.value == 0x1_0000)
  }

  /// One PML4. Kernel, stack, stub and direct map each lie in a part of their own: a PDPT, a PD and a PT each. The PT of
  /// the direct map shows [0, 2 MiB), where the legacy hole is; above are 2 MiB pages. So 1 + 4 × 3.
  @Test func theTablesCostWhatTheBudgetSays() throws {
    let plan = try Self.kernel.plan(PlanRequest(.computer(128 * mebibyte)))
    #expect(plan.pageTables.framesByLevel == [1, 4, 4, 4])
    #expect(try plan.blob("page tables").count == 13 * 4096)
    #expect(try plan.piece("page tables").destination.count.value == 13 * 4096)
    #expect(try plan.piece("page tables").destination.contains(plan.state.cr3))
  }

  @Test func theBudgetHoldsForEveryMachine() throws {
    for size in [8, 17, 63, 129, 1025, 5000] as [UInt64] {
      let plan = try Self.kernel.plan(PlanRequest(.computer(size * mebibyte + 0x7000)))
      #expect(try plan.blob("page tables").count == plan.pageTables.frames * 4096)
    }
  }

  @Test func theKernelIsToldWhatWasDone() throws {
    let request = PlanRequest(.computer(128 * mebibyte)) {
      $0.commandLine = "quiet"
      $0.modules = [.init(name: "a", size: ByteCount(5)), .init(name: "b", size: ByteCount(0x1001))]
    }
    let plan = try Self.kernel.plan(request)
    plan.expectSound()
    let place = try plan.piece("boot information").destination.start.value
    #expect(plan.state.registers.rdi == Self.directMap + place)
    #expect(try TableReader(plan).page(at: plan.state.registers.rdi)?.physical == place)
    let information = try plan.blob("boot information").withRawSpan { (span) throws(ParseError) in
      try BootInformation(parsing: span)
    }
    #expect(information.commandLine == "quiet")
    #expect(information.kernelPhysicalBase.value == 0x40_0000)
    #expect(information.kernelVirtualBase.value == Self.link)
    #expect(information.kernelSize.value == 0xf030)
    #expect(information.modules.map(\.name) == ["a", "b"])
    #expect(information.modules.map(\.physical) == (try ["a", "b"].map { try plan.piece($0).destination }))
    #expect(information.stackTop.value == plan.state.registers.rsp)
    // A page of guard below 64 KiB of stack.
    #expect(information.stackGuard.value == information.stackTop.value - 0x1_1000)
    #expect(try TableReader(plan).page(at: information.stackGuard.value) == nil)
  }
}
