import AddressSpace
import Addresses
import Placement
import TestSupport
import Testing

/// Plans for machines that nobody built: what holds for one plan holds for all.
@Suite struct RandomPlanTests {
  /// Up to ten firmware entries of any size, in any order, over each other, below 4 GiB; most with a large one.
  private static func machine(_ generator: inout SplitMix64) -> MemoryMap {
    var raw: [MemoryMap.Entry] = []
    if generator.draw(below: 4) > 0 {
      raw.append(.init(range: physical(generator.draw(below: 32 << 20), count: 64 << 20), kind: .usable))
    }
    for _ in 0..<generator.draw(below: 10) {
      let start = generator.draw(below: 1 << (20 + generator.draw(below: 13)))
      let count = generator.draw(below: 1 << (10 + generator.draw(below: 18)))
      let kind = generator.draw(below: 3) > 0 ? MemoryKind.usable : .reserved
      raw.append(.init(range: physical(start, count: count), kind: kind))
    }
    return MemoryMap(normalising: raw)
  }

  private static func request(_ generator: inout SplitMix64) -> PlanRequest {
    PlanRequest(machine(&generator)) {
      $0.seed = generator.next()
      $0.commandLine = String(repeating: "x", count: Int(generator.draw(below: 2000)))
      if generator.draw(below: 2) == 0 {
        $0.modules = [.init(name: "initrd", size: ByteCount(generator.draw(below: 4 << 20)))]
      }
      if generator.draw(below: 3) == 0 {
        $0.firmwareScratch = physical(generator.draw(below: 64 << 20), count: generator.draw(below: 8 << 20))
      }
    }
  }

  @Test func linuxPlansAreSoundAndRepeatable() throws {
    var generator = SplitMix64(seed: 2026)
    var kernel = LinuxKernel(span: 4 << 20)
    kernel.setup = .init(initSize: 5 << 20)
    let image = try kernel.image()
    var planned = 0
    for _ in 0..<200 {
      let request = Self.request(&generator)
      guard let plan = try? PerchLoader.plan(linux: image, request: request) else { continue }
      planned += 1
      expectSound(plan, request)
      let again = try PerchLoader.plan(linux: image, request: request)
      #expect(PlanFingerprint(plan) == PlanFingerprint(again))
    }
    #expect(planned > 100)
  }

  @Test func elfPlansAreSoundAndRepeatable() throws {
    var generator = SplitMix64(seed: 2027)
    let kernel = ELFKernel(
      ELFBuilder(type: .shared, entry: 0x40)
        .segment(flags: [.read, .execute], virtual: 0, bytes: .pattern(0x1800))
        .segment(flags: [.read, .write], virtual: 0x1800, bytes: .pattern(0x900), memorySize: 3 << 20)
    ).rela(0x1800, 8, 0x1234)
    var planned = 0
    for _ in 0..<200 {
      let request = Self.request(&generator)
      guard let plan = try? kernel.plan(request) else { continue }
      planned += 1
      expectSound(plan, request)
      #expect(PlanFingerprint(plan) == PlanFingerprint(try kernel.plan(request)))
    }
    #expect(planned > 100)
  }

  @Test func anotherSeedGivesAnotherPlan() throws {
    let machine = MemoryMap.computer(256 * mebibyte)
    let one = try LinuxKernel().plan(PlanRequest(machine) { $0.seed = 1 })
    let other = try LinuxKernel().plan(PlanRequest(machine) { $0.seed = 2 })
    #expect(PlanFingerprint(one) != PlanFingerprint(other))
  }

  private func expectSound(_ plan: LoadPlan, _ request: PlanRequest) {
    plan.expectSound()
    guard let scratch = request.firmwareScratch else { return }
    for piece in plan.pieces { #expect(!piece.extent.overlaps(scratch), "\(piece.owner)") }
  }
}
