import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement
import TestSupport
import Testing

/// Memory that holds something before a loader places anything.
@Suite struct OccupiedMemoryTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private let kernel = ELFKernel(
    ELFBuilder(entry: link).segment(flags: [.read, .execute], virtual: link, physical: 0, bytes: .pattern(0x1000)))
  private let machine = MemoryMap.computer(64 * mebibyte)

  private func request(_ occupied: [PlanRequest.Occupied]) -> PlanRequest {
    PlanRequest(machine) {
      $0.physical = .any
      $0.occupied = occupied
    }
  }

  @Test func nothingIsPlacedThere() throws {
    // The lowest place that is congruent modulo 2 MiB is 0x200000, and 0x400000 when one byte of that page is taken.
    let plan = try kernel.plan(request([.init(name: "a loader", range: physical(0x20_0fff, count: 1))]))
    #expect(plan.imageExtent.start.value == 0x40_0000)
    let decision = try plan.decision("occupied memory")
    #expect(decision.choice == "nothing in [0x200fff, 0x201000)")
    #expect(decision.because.contains("a loader"))
    #expect(try kernel.plan(request([])).imageExtent.start.value == 0x20_0000)
  }

  @Test func noPageIsShared() throws {
    let small = ELFKernel(
      ELFBuilder(entry: Self.link).segment(
        flags: [.read, .execute], virtual: Self.link, physical: 0, bytes: .pattern(0x800)))
    // The kernel's 0x800 bytes end before the taken byte, but its page holds both.
    var request = request([.init(name: "a loader", range: physical(0x20_0fff, count: 1))])
    request.physical = .at(PhysicalAddress(0x20_0000))
    let error = try #require(try small.refusal(request))
    #expect(error.code == .overlap)
    #expect(error.sentence.contains("a loader, which is at [0x200fff, 0x201000)"))
    request.physical = .at(PhysicalAddress(0x20_1000))
    #expect(try small.refusal(request) == nil)
  }

  @Test func whatTheLoaderMakesLiesBehind() throws {
    let taken = physical(0x10_0000, to: 0x12_3456)
    let plan = try kernel.plan(request([.init(name: "a loader", range: taken)]))
    for piece in plan.pieces { #expect(piece.extent.start.value >= 0x12_4000, "\(piece.owner)") }
  }

  @Test func itIsUsableMemory() throws {
    for range in [physical(64 * mebibyte - 1, count: 2), physical(0x9_f000, count: 1), physical(1 << 51, count: 1)] {
      let error = try #require(try kernel.refusal(request([.init(name: "a loader", range: range)])))
      #expect(error.code == .notUsable)
      #expect(error.sentence.contains("a loader at [0x"))
      #expect(error.help?.contains("[0x100000, 0x4000000)") == true)
    }
  }

  @Test func twoThingsLieApart() throws {
    func refusal(_ a: PhysicalRange, _ b: PhysicalRange) throws -> PlanError? {
      try kernel.refusal(request([.init(name: "one", range: a), .init(name: "other", range: b)]))
    }
    // Neighbours in one page are two things.
    #expect(try refusal(physical(0x20_0000, count: 0x10), physical(0x20_0010, count: 0x10)) == nil)
    let error = try #require(try refusal(physical(0x20_0000, count: 0x11), physical(0x20_0010, count: 0x10)))
    #expect(error.code == .overlap)
    #expect(error.sentence.contains("one at [0x200000, 0x200011) overlaps other at [0x200010, 0x200020)"))
    // Nothing takes no room.
    #expect(try refusal(physical(0x20_0000, count: 0), physical(0x20_0000, count: 1)) == nil)
  }

  @Test func theFileAndModulesAreSuchThings() throws {
    var request = PlanRequest(machine)
    request.imagePlace = PhysicalAddress(0x30_0000)
    request.modules = [.init(name: "module a", size: ByteCount(0x100), place: PhysicalAddress(0x30_0800))]
    let error = try #require(try kernel.refusal(request))
    #expect(error.code == .overlap)
    #expect(error.sentence.contains("the image's file") && error.sentence.contains("module a"))
    request.modules[0].place = PhysicalAddress(64 * mebibyte)
    #expect(try kernel.refusal(request)?.code == .notUsable)
  }

  @Test func modulesWithAPlaceStay() throws {
    let request = PlanRequest(machine) {
      $0.physical = .any
      $0.modules = [
        .init(name: "module a", size: ByteCount(0x1234)),
        .init(name: "module b", size: ByteCount(0x5678), place: PhysicalAddress(0x12_3450)),
      ]
    }
    let plan = try kernel.plan(request)
    plan.expectSound()
    let stays = physical(0x12_3450, count: 0x5678)
    #expect(try plan.decision("module b").choice == "stays at [0x123450, 0x128ac8)")
    // Only the other is copied, as high as it goes: 0x1234 bytes take two pages.
    #expect(plan.pieces.contains { $0.source == .module(0) && $0.destination == physical(0x3ff_e000, count: 0x1234) })
    #expect(!plan.pieces.contains { $0.source == .module(1) })
    for piece in plan.pieces { #expect(!piece.extent.overlaps(stays), "\(piece.owner)") }
    let bytes = try plan.blob("boot information")
    let information = try bytes.withRawSpan { (span) throws(ParseError) in try BootInformation(parsing: span) }
    #expect(information.modules.map(\.physical) == [physical(0x3ff_e000, count: 0x1234), stays])
  }

  @Test func anInitialRAMDiskStays() throws {
    let request = PlanRequest(machine) {
      $0.modules = [.init(name: "initrd", size: ByteCount(0x1_0000), place: PhysicalAddress(0x20_0000))]
    }
    let page = try LinuxKernel().plan(request).blob("zero page")
    // boot.rst: ramdisk_image at 0x218, ramdisk_size at 0x21c.
    #expect(page.word(UInt32.self, at: 0x218) == 0x20_0000)
    #expect(page.word(UInt32.self, at: 0x21c) == 0x1_0000)
    // initrd_addr_max: it must end below 1 MiB + 0x80000 here, and does not.
    var kernel = LinuxKernel()
    kernel.setup = LinuxKernel.Setup(initrdAddressMax: 0x20_7fff)
    #expect(try kernel.refusal(request)?.code == .notUsable)
  }
}
