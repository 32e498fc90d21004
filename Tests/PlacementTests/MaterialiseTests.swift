import AddressSpace
import Addresses
import Placement
import TestSupport
import Testing

/// Writing parts of a plan, and sources that do not hold what the plan says.
@Suite struct MaterialiseTests {
  private static let kernel = ELFKernel(
    ELFBuilder(type: .shared, entry: 0).segment(virtual: 0, bytes: .pattern(0x1800), memorySize: 0x3000)
  ).rela(0x100, 8, 0x42)

  private func materialise(
    _ region: PhysicalRange, count: UInt64? = nil, image: [UInt8] = kernel.bytes, module: [UInt8]? = .pattern(5)
  ) throws -> [UInt8] {
    let plan = try Self.kernel.plan(
      PlanRequest(.computer(8 * mebibyte)) {
        $0.physical = .at(PhysicalAddress(0x20_0000))
        $0.modules = [.init(name: "module", size: ByteCount(5))]
      })
    var memory = [UInt8](repeating: 0xaa, count: Int(count ?? region.count.value))
    try memory.withMutableRawSpan { (span) throws(PlanError) in
      try image.withRawSpan { (bytes) throws(PlanError) in
        try plan.materialise(region, into: &span, image: bytes, modules: Modules(all: [module ?? []]))
      }
    }
    return memory
  }

  @Test func aRegionHoldsWhatLiesInIt() throws {
    let memory = try materialise(physical(0x1f_f000, count: 0x6000))
    #expect(memory[0x1000..<0x1100] == [UInt8].pattern(0x1800)[..<0x100])
    #expect(memory[0x2800..<0x4000].allSatisfy { $0 == 0 })
    #expect(memory[..<0x1000].allSatisfy { $0 == 0xaa })
    #expect(memory[0x4000...].allSatisfy { $0 == 0xaa })
  }

  @Test func cutsAreRefused() throws {
    for region in [physical(0x20_0000, count: 0x2000), physical(0x20_0001, count: 0x3000)] {
      let error = #expect(throws: PlanError.self) { try materialise(region) }
      #expect(error?.code == .badRequest)
    }
  }

  /// Memory may end in the zeros, as a capsule's chunk in the file does, but not in the bytes.
  @Test func memoryMayEndWhereOnlyZerosFollow() throws {
    let region = physical(0x20_0000, count: 0x3000)
    #expect(try materialise(region, count: 0x1800).count == 0x1800)
    #expect(throws: PlanError.self) { try materialise(region, count: 0x17ff) }
  }

  @Test func sourcesShorterOrLongerThanPlannedAreRefused() throws {
    let everything = physical(0, count: 8 * mebibyte)
    _ = try materialise(everything)
    for module in [nil, .pattern(4), .pattern(6)] as [[UInt8]?] {
      #expect(throws: PlanError.self) { try materialise(everything, module: module) }
    }
    for count in [0, 0x100, Self.kernel.bytes.count - 1] {
      #expect(throws: PlanError.self) { try materialise(everything, image: Array(Self.kernel.bytes.prefix(count))) }
    }
  }
}
