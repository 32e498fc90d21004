import AddressSpace
import Addresses
import PageTables
import Testing

@Suite struct BuildingTests {
  let base = PhysicalAddress(0x10_0000)

  @Test func emptySpaceIsOneEmptyRoot() throws {
    let image = PageTableImage(building: try space(), at: base)
    #expect(image.budget.framesByLevel == [1, 0, 0, 0])
    #expect(image.bytes == [UInt8](repeating: 0, count: 4096))
    #expect(image.root == base)
  }

  @Test func onePageAtTheKernelsPlace() throws {
    let image = PageTableImage(
      building: try space(.x86_64FourLevel, intent(0xffff_ffff_8100_0000, 0x1000, to: 0x345_6000, .readExecute)),
      at: base)
    #expect(image.budget.framesByLevel == [1, 1, 1, 1])
    // Indices 511, 510, 8, 0; frames root, PDPT, PD, PT follow each other from 0x100000.
    #expect(image.entry(511, ofFrame: 0) == 0x10_1023)
    #expect(image.entry(510, ofFrame: 1) == 0x10_2023)
    #expect(image.entry(8, ofFrame: 2) == 0x10_3023)
    #expect(image.entry(0, ofFrame: 3) == 0x345_6021)
    #expect(image.bytes.filter { $0 != 0 }.count == 3 + 3 + 3 + 4)
  }

  @Test func identityOfFourGibibytesInLargePages() throws {
    let image = PageTableImage(
      building: try space(.x86_64FourLevel, intent(0, 4 << 30, to: 0, .readWriteExecute(because: .bootProtocol))),
      at: base)
    // One PDPT, one PD for each GiB, no PT.
    #expect(image.budget.framesByLevel == [1, 1, 4, 0])
    #expect(image.budget.byteCount == .kibibytes(24))
    for gibibyte in 0..<4 {
      #expect(image.entry(gibibyte, ofFrame: 1) == 0x10_0023 + UInt64(2 + gibibyte) << 12)
      let entries = (0..<512).map { image.entry($0, ofFrame: 2 + gibibyte) }
      // P | RW | A | D | PS
      #expect(entries == (0..<512).map { UInt64(gibibyte) << 30 | $0 << 21 | 0xe3 })
    }
  }

  @Test func giantPagesOnlyOnRequest() throws {
    let giant = try space(.x86_64FourLevel, intent(0xffff_8880_0000_0000, 3 << 30, to: 0x4000_0000, largest: .size1GiB))
    let image = PageTableImage(building: giant, at: base)
    #expect(image.budget.framesByLevel == [1, 1, 0, 0])
    // P | RW | A | D | PS | NX
    #expect(image.entry(2, ofFrame: 1) == 0x8000_0000_c000_00e3)
    let large = try space(.x86_64FourLevel, intent(0xffff_8880_0000_0000, 3 << 30, to: 0x4000_0000))
    #expect(PageTableBudget(for: large).framesByLevel == [1, 1, 3, 0])
    let small = try space(.x86_64FourLevel, intent(0xffff_8880_0000_0000, 3 << 30, to: 0x4000_0000, largest: .size4KiB))
    #expect(PageTableBudget(for: small).framesByLevel == [1, 1, 3, 3 * 512])
  }

  @Test func largePagesNeedCongruence() throws {
    // 4 MiB from a 2 MiB boundary, physical address 4 KiB off: 1024 small pages in two tables.
    #expect(
      PageTableBudget(for: try space(.x86_64FourLevel, intent(0x4000_0000, 4 << 20, to: 0x20_1000))).framesByLevel == [
        1, 1, 1, 2,
      ])
    // 4 KiB before the boundary on both sides: a head page, a large page, and a tail of 511 pages.
    let stretches = intent(0x3fff_f000, 4 << 20, to: 0x1f_f000).pageStretches(in: .x86_64FourLevel)
    #expect(stretches.map(\.virtual.start.value) == [0x3fff_f000, 0x4000_0000, 0x4020_0000])
    #expect(stretches.map(\.pageSize) == [.size4KiB, .size2MiB, .size4KiB])
    #expect(stretches.map(\.pageCount) == [1, 1, 511])
  }

  @Test func fiveStretchesUpToTheTopOfTheSpace() {
    // Starts 4 KiB before a 2 MiB boundary that lies 2 MiB before a GiB boundary; ends where the space ends but for
    // a tail of one large and one small page before 2⁶⁴ - 1 GiB + 2 MiB + 4 KiB.
    let start: UInt64 = 0xffff_ffff_3fdf_f000
    let count: UInt64 = 0x1000 + 0x20_0000 + 0x4000_0000 + 0x20_0000 + 0x1000
    let stretches = intent(start, count, to: 0x3fdf_f000, largest: .size1GiB).pageStretches(in: .x86_64FourLevel)
    #expect(stretches.map(\.pageSize) == [.size4KiB, .size2MiB, .size1GiB, .size2MiB, .size4KiB])
    let top = intent(0xffff_ffff_c000_0000, 1 << 30, to: 0x4000_0000, largest: .size1GiB).pageStretches(
      in: .x86_64FourLevel)
    #expect(top.map(\.pageSize) == [.size1GiB])
    #expect(top[0].virtual.endValue == 0)
  }

  @Test func neighboursShareTables() throws {
    let shared = try space(
      .x86_64FourLevel, intent(0x1000, 0x1000, to: 0x5000), intent(0x3000, 0x1000, to: 0x9000),
      intent(0x1f_f000, 0x2000, to: 0x1f_f000))
    // The last crosses into a second PT.
    #expect(PageTableBudget(for: shared).framesByLevel == [1, 1, 1, 2])
    let image = PageTableImage(building: shared, at: base)
    #expect(image.entry(511, ofFrame: 3) == 0x8000_0000_001f_f063)
    #expect(image.entry(0, ofFrame: 4) == 0x8000_0000_0020_0063)
  }

  @Test func halvesShareNothing() throws {
    let halves = try space(
      .x86_64FourLevel, intent(0x7fff_ffff_f000, 0x1000, to: 0), intent(0xffff_8000_0000_0000, 0x1000, to: 0x1000))
    #expect(PageTableBudget(for: halves).framesByLevel == [1, 2, 2, 2])
  }

  /// A tebibyte in 4 KiB pages takes 2 GiB + 4 MiB + 8 KiB + 4 KiB of tables: counted, not built.
  @Test func budgetOfHugeMapsIsArithmetic() throws {
    let tebibyte = try space(.x86_64FourLevel, intent(0xffff_8880_0000_0000, 1 << 40, to: 0x1000, largest: .size4KiB))
    #expect(PageTableBudget(for: tebibyte).framesByLevel == [1, 2, 1024, 524_288])
    // The whole upper half, but for the last 4 KiB, at a place that allows no large page.
    let half = try space(.x86_64FourLevel, intent(0xffff_8000_0000_0000, (1 << 47) - 0x1000, to: 0x1000))
    #expect(PageTableBudget(for: half).framesByLevel == [1, 256, 131_072, 67_108_864])
    #expect(PageTableBudget(for: half).byteCount.value == (1 + 256 + 131_072 + 67_108_864) * 4096)
  }
}
