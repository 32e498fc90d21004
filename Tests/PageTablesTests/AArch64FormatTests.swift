import AddressSpace
import Addresses
import PageTables
import Testing

/// Arm ARM, D8.3, by hand: valid 0, table or page 1, AttrIndx 4:2, AP 7:6, SH 9:8, AF 10, nG 11, DBM 51, contiguous 52,
/// PXN 53, UXN 54.
@Suite struct AArch64FormatTests {
  private func format(
    _ granule: AArch64Paging.Granule, large: Bool = false, _ change: (inout AArch64Controls) -> Void = { _ in }
  ) -> AArch64Format {
    var controls = AArch64Controls()
    change(&controls)
    return AArch64Format(
      AArch64Paging(granule: granule, virtualBits: 48, hasLargeAddresses: large)!, controls: controls)
  }

  /// Linux's PAGE_KERNEL is 0x0068_0000_0000_0703, _RO 0x0060_0000_0000_0783, _ROX 0x0040_0000_0000_0783 and _EXEC
  /// 0x0048_0000_0000_0703, all global; bit 51, DBM, is Linux's own use of HD and not Perch's.
  @Test(
    arguments: [
      (.readWrite, 0x0060_0000_0000_0703), (.read, 0x0060_0000_0000_0783), (.readExecute, 0x0040_0000_0000_0783),
      (.readWriteExecute(because: .segmentFlags), 0x0040_0000_0000_0703),
    ] as [(Access, UInt64)])
  func kernelPagesAreLinuxes(access: Access, bits: UInt64) {
    for granule in AArch64Paging.Granule.allCases {
      let format = format(granule)
      let page = PhysicalAddress(0x8000_0000)
      let kind = PageKind(access, isGlobal: true)
      #expect(format.pageEntry(to: page, at: .pageTable, as: kind) == 0x8000_0000 | bits)
      // A block: bit 1 is 0. Linux: 0x...701.
      #expect(format.pageEntry(to: page, at: .pageDirectory, as: kind) == 0x8000_0000 | bits & ~2)
      // nG.
      #expect(format.pageEntry(to: page, at: .pageTable, as: PageKind(access)) == 0x8000_0800 | bits)
      // AttrIndx 1, not shareable.
      let device = PageKind(access, cache: .uncacheable, isGlobal: true)
      #expect(format.pageEntry(to: page, at: .pageTable, as: device) == 0x8000_0004 | bits & ~0x300)
    }
  }

  /// AP[1] and nG; PXN always, UXN where it is not code.
  @Test func userPages() {
    let format = format(.size4KiB)
    func entry(_ access: Access) -> UInt64 {
      format.pageEntry(to: PhysicalAddress(0), at: .pageTable, as: PageKind(access, isUser: true))
    }
    #expect(entry(.read) == 0x0060_0000_0000_0fc3)
    #expect(entry(.readWrite) == 0x0060_0000_0000_0f43)
    #expect(entry(.readExecute) == 0x0020_0000_0000_0fc3)
  }

  @Test func tablesPagesAndBlocks() {
    let format = format(.size4KiB)
    #expect(format.tableEntry(to: PhysicalAddress(0x4123_4000), at: .pageDirectory, user: false) == 0x4123_4003)
    for level in [TableLevel.pageTable, .pageDirectory, .pageDirectoryPointer, .pml4] {
      #expect(format.decode(~1, at: level) == .absent)
    }
    #expect(format.decode(0x4123_4003, at: .pageTable) == .page(PhysicalAddress(0x4123_4000), .size4KiB))
    #expect(format.decode(0x4123_4003, at: .pageDirectory) == .table(PhysicalAddress(0x4123_4000)))
    // 0b01 is a block above the last level and reserved there.
    #expect(format.decode(0x4120_0701, at: .pageDirectory) == .page(PhysicalAddress(0x4120_0000), .size2MiB))
    #expect(format.decode(0x4123_4001, at: .pageTable) == .reserved(bits: 2))
    // A table's own bits are no address: NSTable, APTable, UXNTable, PXNTable, ignored 58:52.
    #expect(format.decode(0xfff0_0000_4123_4003, at: .pageDirectory) == .table(PhysicalAddress(0x4123_4000)))
    // Going down to the last level, a block becomes a page, and leaves its group.
    #expect(format.splitting(0x0010_0000_4120_0701, at: .pageDirectory) == 0x4120_0703)
    #expect(format.splitting(0x0010_0000_4000_0701, at: .pageDirectoryPointer) == 0x4000_0701)
  }

  /// Where 0b01 is a block: 4 KiB at levels 2 and 1, 16 KiB and 64 KiB at 2; with 52-bit addresses one level further up.
  @Test(
    arguments: [
      (.size4KiB, false, [false, true, true, false]), (.size4KiB, true, [false, true, true, true]),
      (.size16KiB, false, [false, true, false, false]), (.size16KiB, true, [false, true, true, false]),
      (.size64KiB, false, [false, true, false]), (.size64KiB, true, [false, true, true]),
    ] as [(AArch64Paging.Granule, Bool, [Bool])])
  func blocks(granule: AArch64Paging.Granule, large: Bool, expected: [Bool]) {
    let format = format(granule, large: large)
    for (index, isBlock) in expected.enumerated() {
      let level = TableLevel(rawValue: index + 1)
      let size = format.geometry.pageSize(of: level)
      let meaning: EntryMeaning = isBlock ? .page(PhysicalAddress(0), size) : .reserved(bits: 2)
      #expect(format.decode(0x401, at: level) == meaning, "level \(index + 1)")
    }
  }

  /// FEAT_LPA, 64 KiB: PA 51:48 is in bits 15:12. FEAT_LPA2: PA 49:48 in place, 51:50 in bits 9:8.
  @Test func wideAddresses() {
    let lpa = format(.size64KiB, large: true)
    let high = PhysicalAddress(0xa_1234_5678_0000)
    // PXN | UXN | AF | SH 3 | page; nG.
    #expect(lpa.pageEntry(to: high, at: .pageTable, as: PageKind(.readWrite)) == 0x0060_1234_5678_af03)
    #expect(lpa.decode(0x0060_1234_5678_af03, at: .pageTable) == .page(high, .size64KiB))
    #expect(lpa.tableEntry(to: high, at: .pageDirectory, user: false) == 0x1234_5678_a003)
    #expect(lpa.decode(0x1234_5678_a003, at: .pageDirectory) == .table(high))
    let lpa2 = format(.size4KiB, large: true)
    // 0xa = 0b1010: 51:50 = 0b10 into 9:8, 49:48 = 0b10 in place. No SH.
    let page = PhysicalAddress(0xa_1234_5678_9000)
    #expect(lpa2.pageEntry(to: page, at: .pageTable, as: PageKind(.readWrite)) == 0x0062_1234_5678_9e03)
    #expect(lpa2.decode(0x0062_1234_5678_9e03, at: .pageTable) == .page(page, .size4KiB))
    #expect(lpa2.attributes(of: 0x0062_1234_5678_9e03, at: .pageTable).shareability == 0)
    let wide = format(.size16KiB, large: true)
    #expect(
      wide.decode(0x0003_0000_0000_4303, at: .pageTable) == .page(PhysicalAddress(0xf_0000_0000_4000), .size16KiB))
    // Without, those bits are something else's: SH, ignored.
    #expect(
      format(.size4KiB).decode(0x0003_0000_0000_4303, at: .pageTable) == .page(PhysicalAddress(0x4000), .size4KiB))
    #expect(
      format(.size64KiB).decode(0x1234_5678_af03, at: .pageTable)
        == .page(PhysicalAddress(0x1234_5678_0000), .size64KiB))
  }

  /// TCR_EL1.IPS: address bits from there up fault.
  @Test func intermediatePhysicalSize() {
    let small = format(.size4KiB) { $0.physicalBits = 40 }
    #expect(small.decode(0xff_ffff_f703, at: .pageTable) == .page(PhysicalAddress(0xff_ffff_f000), .size4KiB))
    #expect(small.decode(0x8100_0000_0703, at: .pageTable) == .reserved(bits: 0x8100_0000_0000))
    #expect(small.decode(0x100_0000_0003, at: .pageDirectory) == .reserved(bits: 0x100_0000_0000))
    #expect(small.greatestAddress(at: .pageTable) == 0xff_ffff_ffff)
    // 48 of LPA's 52 bits: the four in 15:12 fault.
    let lpa = format(.size64KiB, large: true) { $0.physicalBits = 48 }
    #expect(lpa.decode(0xa703, at: .pageTable) == .reserved(bits: 0xa000))
    let lpa2 = format(.size4KiB, large: true) { $0.physicalBits = 48 }
    #expect(lpa2.decode(0x0001_0000_0000_0603, at: .pageTable) == .reserved(bits: 0x0001_0000_0000_0200))
  }

  @Test func attributes() {
    let format = format(.size4KiB)
    // AttrIndx 5, SH 2, nG, contiguous.
    let attributes = format.attributes(of: 0x0010_0000_0000_0e17, at: .pageTable)
    #expect(attributes == PageAttributes(memoryType: 5, isGlobal: false, isContiguous: true, shareability: 2))
    #expect(
      format.attributes(of: 0x703, at: .pageTable) == PageAttributes(memoryType: 0, isGlobal: true, shareability: 3))
    // Linux 6.12: 0 and 1 normal, 2 non-cacheable, 3 nGnRnE, 4 nGnRE.
    let linux = self.format(.size4KiB) { $0.memoryAttributes = 0x04_0044_ffff }
    let policies: [CachePolicy?] = [.writeBack, .writeBack, nil, .uncacheable, .uncacheable]
    #expect((0..<5).map { linux.policy(of: MemoryTypeIndex(rawValue: $0)) } == policies)
    // A device page takes index 3 then: 3 << 2.
    let device = PageKind(.read, cache: .uncacheable, isGlobal: true)
    #expect(linux.pageEntry(to: PhysicalAddress(0), at: .pageTable, as: device) == 0x0060_0000_0000_048f)
  }

  /// DBM goes where writing is forbidden, as HD would allow it again; AttrIndx, SH, AF, nG, software's bits stay.
  @Test func grantingKeepsTheRest() {
    let format = format(.size4KiB)
    let leaf: UInt64 = 0x07e8_0000_1234_5f17
    #expect(format.granting(.read, in: leaf, at: .pageTable) == 0x07e0_0000_1234_5f97)
    #expect(format.granting(.readExecute, in: leaf, at: .pageTable) == 0x07c0_0000_1234_5f97)
    #expect(format.granting(.readWrite, in: leaf, at: .pageTable) == leaf)
    // AP[1]: UXN is what goes.
    #expect(format.granting(.readExecute, in: leaf | 0x40, at: .pageTable) == 0x07a0_0000_1234_5fd7)
  }
}
