import AddressSpace
import Addresses
import Placement
import Testing

/// What Linux is handed: the zero page, the command line, the initrd, and what is mapped of them. Offsets are those of
/// Documentation/arch/x86/zero-page.rst.
@Suite struct LinuxBootAreaTests {
  private let machine = MemoryMap.computer(128 * mebibyte)

  private func request(_ machine: MemoryMap, initrd: UInt64 = 0x12_3456) -> PlanRequest {
    PlanRequest(machine) {
      $0.commandLine = "console=ttyS0"
      $0.modules = [.init(name: "initrd", size: ByteCount(initrd))]
    }
  }

  @Test func theZeroPageSaysWhereThingsLie() throws {
    let plan = try LinuxKernel(setup: .init()).plan(request(machine))
    plan.expectSound()
    let page = try plan.blob("zero page")
    let initrd = try plan.piece("initrd").destination
    let line = try plan.piece("command line").destination
    #expect(page.count == 4096)
    #expect(plan.state.registers.rsi == (try plan.piece("zero page").destination.start.value))
    #expect(UInt64(page.word(UInt32.self, at: 0x218)) == initrd.start.value)
    #expect(page.word(UInt32.self, at: 0x21c) == 0x12_3456)
    #expect(UInt64(page.word(UInt32.self, at: 0x228)) == line.start.value)
    #expect(page[0x210] == 0xff)
    #expect(try plan.blob("command line") == Array("console=ttyS0".utf8) + [0])
    // e820: [0, 0x9f000) and [1 MiB, 128 MiB), both usable.
    #expect(page[0x1e8] == 2)
    #expect(Array(page[0x2d0..<0x2e4]) == [UInt8](words64: 0, 0x9_f000) + [1, 0, 0, 0])
    #expect(Array(page[0x2e4..<0x2f8]) == [UInt8](words64: 0x10_0000, 0x7f0_0000) + [1, 0, 0, 0])
  }

  @Test func whatTheKernelReadsFirstIsMappedWhereItLies() throws {
    let plan = try LinuxKernel(setup: .init()).plan(request(machine))
    let tables = try TableReader(plan)
    for owner in ["zero page", "command line", "entry stub", "segment 0", "segment 1"] {
      let extent = try plan.piece(owner).extent
      for address in [extent.start.value, extent.endValue - 1] {
        #expect(tables.page(at: address)?.physical == address, "\(owner)")
      }
    }
    #expect(tables.page(at: plan.entry.address)?.isExecutable == true)
    #expect(tables.page(at: 0xffff_ffff_8100_0000) == nil)
    #expect(UInt64(tables.bytes.count) == UInt64(plan.pageTables.frames) * 4096)
  }

  /// The last page below the limit: initrd_addr_max is the last address, not the first beyond.
  @Test(
    arguments: [
      (0x37ff_ffff, 0x3800_0000 - 0x12_4000), (0x7fff_ffff, 0x8000_0000 - 0x12_4000),
      (0x37ff_f000, 0x37ff_f000 - 0x12_4000), (0xffff_ffff, 0x1_0000_0000 - 0x12_4000),
    ] as [(UInt32, UInt64)])
  func theInitrdLiesBelowItsLimit(greatest: UInt32, start: UInt64) throws {
    let plan = try LinuxKernel(setup: .init(initrdAddressMax: greatest)).plan(request(.computer(6 << 30)))
    plan.expectSound()
    #expect(try plan.piece("initrd").destination == physical(start, count: 0x12_3456))
  }

  @Test func aBareVmlinuxHasTheLimitOfToday() throws {
    let plan = try LinuxKernel().plan(request(.computer(6 << 30)))
    #expect(try plan.piece("initrd").destination.start.value == 0x8000_0000 - 0x12_4000)
  }

  @Test func aTooLargeInitrdIsRefused() throws {
    #expect(try LinuxKernel().refusal(request(machine, initrd: 256 << 20))?.code == .noRoom)
    #expect(try LinuxKernel().refusal(request(machine, initrd: .max))?.code == .noRoom)
  }

  /// KASLR_FLAG is bit 1 of loadflags at 0x211.
  @Test(arguments: [nil, 7] as [UInt64?], [false, true])
  func theFlagSaysWhetherPlacesAreRandom(seed: UInt64?, hasHeader: Bool) throws {
    var kernel = LinuxKernel()
    kernel.setup = hasHeader ? .init() : nil
    let plan = try kernel.plan(PlanRequest(machine) { $0.seed = seed })
    #expect((try plan.blob("zero page")[0x211] & 2 != 0) == (seed != nil))
  }

  /// 70 usable ranges with 70 reserved ones between them: 140 entries, 128 of them in the zero page.
  @Test func moreThan128EntriesGoToANode() throws {
    var raw: [MemoryMap.Entry] = [.init(range: physical(0x10_0000, to: 64 * mebibyte), kind: .usable)]
    for index in 1..<70 as Range<UInt64> {
      raw.append(.init(range: physical(64 * mebibyte + index * 0x2_0000, count: 0x1_0000), kind: .usable))
    }
    for index in 0..<70 as Range<UInt64> {
      let start = index == 0 ? 64 * mebibyte : 64 * mebibyte + index * 0x2_0000 + 0x1_0000
      raw.append(.init(range: physical(start, count: 0x1_0000), kind: .reserved))
    }
    let map = MemoryMap(normalising: raw)
    #expect(map.entries.count == 140)
    let plan = try LinuxKernel(setup: .init()).plan(PlanRequest(map))
    plan.expectSound()
    let page = try plan.blob("zero page")
    let place = try plan.piece("memory map extension").destination
    let node = try plan.blob("memory map extension")
    #expect(page[0x1e8] == 128)
    #expect(page.word(UInt64.self, at: 0x250) == place.start.value)
    // {next: 0, type: SETUP_E820_EXT = 1, length: 12 × 20}, and the entries.
    #expect(Array(node.prefix(16)) == [UInt8](words64: 0) + [UInt8](words32: 1, 240))
    #expect(node.count == 16 + 240)
    let last = map.entries[139]
    #expect(
      Array(node.suffix(20))
        == [UInt8](words64: last.range.start.value, last.range.count.value) + [UInt8](words32: last.kind.rawValue))
    #expect(try TableReader(plan).page(at: place.start.value)?.physical == place.start.value)
  }

  @Test func upTo128EntriesNeedNoNode() throws {
    let plan = try LinuxKernel().plan(PlanRequest(machine))
    #expect(try plan.blob("zero page").word(UInt64.self, at: 0x250) == 0)
    #expect(!plan.pieces.contains { $0.owner == "memory map extension" })
  }
}
