import AddressSpace
import Addresses
import BootProtocols
import PageTables
import Placement
import TestSupport
import Testing

/// What is turned on before a kernel is entered, and five levels of page tables.
@Suite struct ProcessorFeaturesTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private static let kernel = ELFKernel(
    ELFBuilder(entry: link).segment(flags: [.read, .execute], virtual: link, physical: 0, bytes: .pattern(0x1000)))

  private func plan(_ features: ProcessorFeatures, _ change: (inout PlanRequest) -> Void = { _ in }) throws -> LoadPlan
  {
    try Self.kernel.plan(
      PlanRequest(.computer(64 * mebibyte)) {
        $0.physical = .any
        $0.processor = features
        change(&$0)
      })
  }

  /// Intel SDM vol. 3A, 2.5: PAE is bit 5, PGE 7, UMIP 11, LA57 12, SMEP 20, SMAP 21.
  @Test(
    arguments: [
      ([], 0x20), (.globalPages, 0xa0), (.umip, 0x820), (.fiveLevelPaging, 0x1020), (.smep, 0x10_0020),
      (.smap, 0x20_0020), ([.fiveLevelPaging, .smep, .smap, .umip, .globalPages], 0x30_18a0),
    ] as [(ProcessorFeatures, UInt64)])
  func controlRegister4(features: ProcessorFeatures, expected: UInt64) throws {
    let plan = try plan(features)
    #expect(plan.state.cr4 == expected)
    // The stub loads it as a whole: LGDT takes 7 bytes; then MOV EAX, imm32 and MOV CR4, EAX.
    let stub = try plan.blob("entry stub")
    #expect(stub[7] == 0xb8)
    #expect(stub.word(UInt32.self, at: 8) == UInt32(expected))
    #expect(Array(stub[12..<15]) == [0x0f, 0x22, 0xe0])
  }

  @Test func fiveLevelsHaveOneTableMore() throws {
    let four = try plan([])
    let five = try plan(.fiveLevelPaging)
    #expect(five.addressSpace.mode == .x86_64FiveLevel)
    // The stub lies in the lower half. In the upper: a PML5 slot is 2⁴⁸ bytes, and all kernel addresses of four levels
    // lie in the last. So the root has two entries, and below it are two PML4s where four levels had the root.
    #expect(five.pageTables.framesByLevel == [1, 2] + four.pageTables.framesByLevel.dropFirst())
    let reader = try TableReader(five)
    let root = five.state.cr3.value
    func entry(_ index: UInt64) -> UInt64 { reader.bytes.word(at: root - reader.base + index * 8) }
    for index in 1..<511 as Range<UInt64> { #expect(entry(index) == 0) }
    for mapping in five.addressSpace.mappings {
      let start = mapping.virtual.start.value
      #expect(reader.page(at: start)?.physical == mapping.physical.value, "\(mapping.name)")
    }
    // Page 0, and the guard page below the stack.
    #expect(reader.page(at: 0) == nil)
    #expect(reader.page(at: 0xffff_fe00_0000_0000) == nil)
    #expect(reader.page(at: 0xffff_fe00_0000_1000)?.isWritable == true)
  }

  @Test func addressesOf57BitsNeedFiveLevels() throws {
    // Linux's direct map with five levels; not canonical in 48 bits.
    let base = VirtualAddress(0xff11_0000_0000_0000)
    let five = try plan(.fiveLevelPaging) { $0.directMapBase = base }
    #expect(try TableReader(five).page(at: base.value + 0x20_0000)?.physical == 0x20_0000)
    #expect(throws: PlanError.self) { try plan([]) { $0.directMapBase = base } }
  }
}
