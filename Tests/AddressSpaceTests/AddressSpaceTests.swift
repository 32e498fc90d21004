import AddressSpace
import Addresses
import Testing

@Suite struct AddressSpaceTests {
  private func intent(
    _ start: UInt64, _ count: UInt64, physical: UInt64 = 0, largest: PageSize = .size2MiB
  ) -> MappingIntent {
    MappingIntent(
      virtual: VirtualRange(uncheckedStart: VirtualAddress(start), count: ByteCount(count)),
      physical: PhysicalAddress(physical), access: .read, largestPage: largest, name: "test")
  }

  @Test func refusesContradictions() throws {
    var space = AddressSpace(mode: .x86_64FourLevel)
    try space.add(intent(0x4000, 0x4000))
    for (start, count) in [(0x3000, 0x2000), (0x7000, 0x1000), (0x4000, 0x1000), (0x1000, 0x10000)]
      as [(UInt64, UInt64)]
    {
      #expect(throws: MappingError.self) { try space.add(intent(start, count)) }
    }
    try space.add(intent(0x8000, 0x1000))
    try space.add(intent(0x3000, 0x1000))
    #expect(space.mappings.map(\.virtual.start.value) == [0x3000, 0x4000, 0x8000])
    #expect(space.mapping(at: VirtualAddress(0x7fff))?.virtual.start.value == 0x4000)
    #expect(space.mapping(at: VirtualAddress(0x9000)) == nil)
  }

  @Test func refusesWhatNoTableCanHold() {
    var space = AddressSpace(mode: .x86_64FourLevel)
    for bad in [
      intent(0x1001, 0x1000), intent(0x1000, 0x1001), intent(0x1000, 0x1000, physical: 0x800), intent(0x1000, 0),
      intent(0x0000_8000_0000_0000, 0x1000), intent(0x0000_7fff_ffff_f000, 0x2000),
      intent(0x1000, 0x2000, physical: (1 << 52) - 0x1000),
    ] {
      #expect(throws: MappingError.self) { try space.add(bad) }
    }
    #expect(throws: Never.self) { try space.add(intent(0xffff_ffff_ffff_f000, 0x1000)) }
  }

  private func refusal(_ mode: PagingMode, _ intent: MappingIntent) -> MappingError.Code? {
    var space = AddressSpace(mode: mode)
    do throws(MappingError) { try space.add(intent) } catch { return error.code }
    return nil
  }

  private func arm(
    _ granule: AArch64Paging.Granule, _ bits: Int, _ half: AArch64Paging.Half, large: Bool = false
  ) throws -> PagingMode {
    .aarch64(
      try #require(AArch64Paging(granule: granule, virtualBits: bits, half: half, hasLargeAddresses: large)))
  }

  /// Each mode reaches the addresses of its form and none beside them.
  @Test func refusesAddressesThatTheModeDoesNotTranslate() throws {
    // (mode, first and last page that are translated, pages beside them that are not)
    let rows: [(PagingMode, [UInt64], [UInt64])] = [
      (.i386, [0, 0xffff_f000], [0x1_0000_0000, 0xffff_ffff_ffff_f000]),
      (.pae, [0, 0xffff_f000], [0x1_0000_0000]),
      (.x86_64FiveLevel, [0xff_ffff_ffff_f000, 0xff00_0000_0000_0000], [0x100_0000_0000_0000, 0xfeff_ffff_ffff_f000]),
      (.riscv(.sv39), [0x3f_ffff_f000, 0xffff_ffc0_0000_0000], [0x40_0000_0000, 0xffff_ffbf_ffff_f000]),
      (.riscv(.sv48), [0x7fff_ffff_f000, 0xffff_8000_0000_0000], [0x8000_0000_0000, 0xffff_7fff_ffff_f000]),
      (.riscv(.sv57), [0xff_ffff_ffff_f000, 0xff00_0000_0000_0000], [0x100_0000_0000_0000]),
      (try arm(.size4KiB, 39, .lower), [0, 0x7f_ffff_f000], [0x80_0000_0000, 0xffff_ff80_0000_0000]),
      (try arm(.size4KiB, 39, .upper), [0xffff_ff80_0000_0000, 0xffff_ffff_ffff_f000], [0, 0xffff_ff7f_ffff_f000]),
      (try arm(.size64KiB, 52, .upper), [0xfff0_0000_0000_0000], [0xffef_ffff_ffff_0000]),
    ]
    for (mode, good, bad) in rows {
      let page = mode.smallestPage.byteCount.value
      for start in good { #expect(refusal(mode, intent(start, page)) == nil, "\(mode) \(start)") }
      for start in bad { #expect(refusal(mode, intent(start, page)) == .notCanonical, "\(mode) \(start)") }
    }
    // Over the end of a form, and over the hole.
    #expect(refusal(.i386, intent(0xffff_f000, 0x2000)) == .notCanonical)
    #expect(refusal(.riscv(.sv39), intent(0x3f_ffff_f000, 0xffff_ff80_0000_2000)) == .notCanonical)
  }

  @Test func refusesPartsOfPages() throws {
    for (granule, page) in [(AArch64Paging.Granule.size16KiB, UInt64(0x4000)), (.size64KiB, 0x1_0000)] {
      let mode = try arm(granule, 47, .lower)
      #expect(mode.smallestPage.byteCount.value == page)
      #expect(refusal(mode, intent(page, page, physical: page)) == nil)
      #expect(refusal(mode, intent(page / 2, page)) == .unaligned)
      #expect(refusal(mode, intent(page, page / 2)) == .unaligned)
      #expect(refusal(mode, intent(page, page, physical: page / 2)) == .unaligned)
    }
  }

  /// Physical widths: PAE and x86-64 52 bits, AArch64 48 or 52, RISC-V 56, i386 32, and 40 for 4 MiB pages (PSE-36).
  @Test func refusesPhysicalAddressesThatEntriesCannotHold() throws {
    let rows: [(PagingMode, Int)] = [
      (.pae, 52), (.x86_64FourLevel, 52), (.x86_64FiveLevel, 52), (.riscv(.sv39), 56), (.riscv(.sv57), 56),
      (try arm(.size4KiB, 48, .lower), 48), (try arm(.size4KiB, 48, .lower, large: true), 52),
      (try arm(.size64KiB, 48, .lower), 48), (try arm(.size64KiB, 48, .lower, large: true), 52), (.i386, 32),
    ]
    for (mode, bits) in rows {
      let page = mode.smallestPage.byteCount.value
      let last = (1 << UInt64(bits)) - page
      #expect(refusal(mode, intent(0, page, physical: last)) == nil, "\(mode)")
      #expect(refusal(mode, intent(0, 2 * page, physical: last)) == .physicalOverflow, "\(mode)")
      if bits < 56 { #expect(refusal(mode, intent(0, page, physical: last + page)) == .physicalOverflow, "\(mode)") }
    }
    let high = intent(0x40_0000, 0x80_0000, physical: 0xff_ff00_0000, largest: .size4MiB)
    #expect(refusal(.i386, high) == nil)
    #expect(refusal(.i386, intent(0x40_0000, 0x40_0000, physical: 0xff_ff00_0000)) == .physicalOverflow)
    #expect(
      refusal(.i386, intent(0x40_1000, 0x40_0000, physical: 0xff_ff00_1000, largest: .size4MiB)) == .physicalOverflow)
    #expect(
      refusal(.i386, intent(0x40_0000, 0x40_0000, physical: 0x100_0000_0000, largest: .size4MiB)) == .physicalOverflow)
  }

  /// Arm ARM, D8.2: 36 to 48 bits, 52 with FEAT_LVA (64 KiB) or FEAT_LPA2 (the others).
  @Test func shapesThatNoArmProcessorHas() {
    for granule in AArch64Paging.Granule.allCases {
      #expect(AArch64Paging(granule: granule, virtualBits: 35) == nil)
      #expect(AArch64Paging(granule: granule, virtualBits: 36) != nil)
      #expect(AArch64Paging(granule: granule, virtualBits: 48) != nil)
      #expect((AArch64Paging(granule: granule, virtualBits: 52) != nil) == (granule == .size64KiB))
      #expect(AArch64Paging(granule: granule, virtualBits: 52, hasLargeAddresses: true) != nil)
      #expect(AArch64Paging(granule: granule, virtualBits: 53, hasLargeAddresses: true) == nil)
    }
  }
}
