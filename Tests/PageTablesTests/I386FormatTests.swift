import AddressSpace
import Addresses
import PageTables
import Testing

/// Intel SDM vol. 3A, tables 4-4 to 4-6 (i386) and 4-8 to 4-11 (PAE), by hand.
@Suite struct I386FormatTests {
  private let format = I386Format()

  @Test func meaningByLevel() {
    #expect(format.decode(0xffff_fffe, at: .pageTable) == .absent)
    #expect(format.decode(0x1234_5067, at: .pageTable) == .page(PhysicalAddress(0x1234_5000), .size4KiB))
    // Bit 7 of a PTE is PAT.
    #expect(format.decode(0x1234_50e7, at: .pageTable) == .page(PhysicalAddress(0x1234_5000), .size4KiB))
    #expect(format.decode(0x1234_5067, at: .pageDirectory) == .table(PhysicalAddress(0x1234_5000)))
    #expect(format.decode(0x1240_00e7, at: .pageDirectory) == .page(PhysicalAddress(0x1240_0000), .size4MiB))
    // Bit 12 is PAT, bit 21 is reserved.
    #expect(format.decode(0x1240_10e7, at: .pageDirectory) == .page(PhysicalAddress(0x1240_0000), .size4MiB))
    #expect(format.decode(0x1260_00e7, at: .pageDirectory) == .reserved(bits: 0x20_0000))
    // Only the lower half of the 64 bits is the entry.
    #expect(format.decode(0xffff_ffff_1234_5067, at: .pageTable) == .page(PhysicalAddress(0x1234_5000), .size4KiB))
  }

  /// PSE-36: address bits 39:32 are entry bits 20:13. 0xab: 0xab << 13 = 0x15_6000.
  @Test func addressesAboveFourGibibytes() {
    let page = PhysicalAddress(0xab_1240_0000)
    let entry = format.pageEntry(to: page, at: .pageDirectory, as: PageKind(.readWrite))
    // P | RW | A | D | PS
    #expect(entry == 0x1255_60e3)
    #expect(format.decode(entry, at: .pageDirectory) == .page(page, .size4MiB))
    // There are no smaller pages up there.
    #expect(format.splitting(entry, at: .pageDirectory) == nil)
    #expect(format.greatestAddress(at: .pageTable) == 0xffff_ffff)
    #expect(format.greatestAddress(at: .pageDirectory) == 0xff_ffff_ffff)
    // MAXPHYADDR 36: bits 39:36, entry bits 20:17, are reserved. 0xa0 << 13 = 0x14_0000.
    var controls = X86Controls()
    controls.physicalBits = 36
    #expect(I386Format(controls: controls).decode(entry, at: .pageDirectory) == .reserved(bits: 0x14_0000))
    #expect(I386Format(controls: controls).greatestAddress(at: .pageDirectory) == 0xf_ffff_ffff)
  }

  @Test func withoutPageSizeExtensionBitSevenIsIgnored() {
    var controls = X86Controls()
    controls.largePages = false
    let small = I386Format(controls: controls)
    #expect(small.decode(0x1240_00e7, at: .pageDirectory) == .table(PhysicalAddress(0x1240_0000)))
    #expect(!small.allowsPages(at: .pageDirectory))
  }

  @Test func thereIsNoExecuteBit() {
    // P | A; P | A | RW | D
    #expect(format.pageEntry(to: PhysicalAddress(0x5000), at: .pageTable, as: PageKind(.read)) == 0x5021)
    #expect(format.pageEntry(to: PhysicalAddress(0x5000), at: .pageTable, as: PageKind(.readWrite)) == 0x5063)
    #expect(format.rights(of: 0x5021, at: .pageTable, under: []) == [.supervisorRead, .supervisorExecute])
    #expect(format.granting(.read, in: 0x5063, at: .pageTable) == 0x5061)
    #expect(format.tableEntry(to: PhysicalAddress(0x7000), at: .pageDirectory, user: true) == 0x7027)
    // PS goes, PAT moves from bit 12 to bit 7.
    #expect(format.splitting(0x1240_10e7, at: .pageDirectory) == 0x1240_00e7)
    #expect(format.splitting(0x1240_00e7, at: .pageDirectory) == 0x1240_0067)
  }

  /// Four bytes an entry: 0xc0000000 is PDE 768 at byte 3072, its third page PTE 2 at byte 8 of the next frame.
  @Test func entriesHaveFourBytes() throws {
    let image = PageTableImage(
      building: try space(.i386, intent(0xc000_2000, 0x1000, to: 0x9000, .readWrite)), at: PhysicalAddress(0x10_0000))
    #expect(image.bytes.count == 2 * 4096)
    #expect(image.word(768 * 4, 4) == 0x10_1023)
    #expect(image.word(4096 + 2 * 4, 4) == 0x9063)
    #expect(image.bytes.filter { $0 != 0 }.count == 3 + 2)
    let steps = image.tables(.i386).translate(VirtualAddress(0xc000_2abc)).steps
    #expect(steps.map(\.entryAddress.value) == [0x10_0000 + 3072, 0x10_1008])
    #expect(steps.map(\.entry) == [0x10_1023, 0x9063])
  }

  @Test func highPagesCannotBeSplit() throws {
    let bench = Workbench(.i386, frames: 4)
    let whole = range(0x80_0000, 0x40_0000)
    let kind = PageKind(.readWrite)
    try bench.tables.map(whole, to: PhysicalAddress(0x12_0040_0000), as: kind, frames: &bench.frames)
    let before = bench.bytes
    let error = #expect(throws: TableEditError.self) {
      try bench.tables.unmap(range(0x80_1000, 0x1000), frames: &bench.frames)
    }
    #expect(error?.reason == .cannotSplit && error?.virtual.value == 0x80_1000)
    #expect(bench.isUnchanged(since: before))
    let second = #expect(throws: TableEditError.self) {
      try bench.tables.map(
        range(0x0, 0x1000), to: PhysicalAddress(0x1_0000_0000), as: kind, frames: &bench.frames)
    }
    #expect(second?.reason == .badPhysicalAddress)
    try bench.tables.unmap(whole, frames: &bench.frames)
    #expect(bench.rootIsEmpty)
  }
}

@Suite struct PAEFormatTests {
  private let format = PAEFormat()

  /// Table 4-8: in a PDPTE bits 2:1, 8:5 and 63:52 are reserved; 11:9 are software's.
  @Test func pointersHaveNoRights() {
    #expect(format.decode(0x5001, at: .pageDirectoryPointer) == .table(PhysicalAddress(0x5000)))
    #expect(format.decode(0x5e19, at: .pageDirectoryPointer) == .table(PhysicalAddress(0x5000)))
    for bit in [1, 2, 5, 6, 7, 8, 52, 58, 62, 63] as [UInt64] {
      #expect(format.decode(0x5001 | 1 << bit, at: .pageDirectoryPointer) == .reserved(bits: 1 << bit))
    }
    #expect(format.tableEntry(to: PhysicalAddress(0x5000), at: .pageDirectoryPointer, user: true) == 0x5001)
    #expect(format.restrictions(of: 0x5001, at: .pageDirectoryPointer) == [])
    #expect(format.restrictions(of: 0x5001, at: .pageDirectory) == [.noWrite, .noUser])
  }

  @Test func upperBitsAreReserved() {
    for level in [TableLevel.pageTable, .pageDirectory] {
      for bit in 52...62 as ClosedRange<UInt64> {
        #expect(format.decode(0x5003 | 1 << bit, at: level) == .reserved(bits: 1 << bit))
      }
    }
    #expect(format.decode(0x8000_0000_0000_5003, at: .pageTable) == .page(PhysicalAddress(0x5000), .size4KiB))
    #expect(format.decode(0x8000_0000_0000_5003, at: .pageDirectory) == .table(PhysicalAddress(0x5000)))
    #expect(format.decode(0x40_00e3, at: .pageDirectory) == .page(PhysicalAddress(0x40_0000), .size2MiB))
    #expect(format.decode(0x40_10e3, at: .pageDirectory) == .page(PhysicalAddress(0x40_0000), .size2MiB))
    // Bits 20:13 of a 2 MiB page.
    #expect(format.decode(0x50_20e3, at: .pageDirectory) == .reserved(bits: 0x10_2000))
  }

  @Test func noExecuteNeedsItsControlBit() {
    var controls = X86Controls()
    controls.noExecuteEnabled = false
    let old = PAEFormat(controls: controls)
    #expect(old.decode(0x8000_0000_0000_5003, at: .pageTable) == .reserved(bits: 1 << 63))
    #expect(old.pageEntry(to: PhysicalAddress(0x5000), at: .pageTable, as: PageKind(.readWrite)) == 0x5063)
    #expect(
      format.pageEntry(to: PhysicalAddress(0x5000), at: .pageTable, as: PageKind(.readWrite)) == 0x8000_0000_0000_5063)
    #expect(
      format.rights(of: 0x8000_0000_0000_5063, at: .pageTable, under: [.noUser]) == [.supervisorRead, .supervisorWrite])
    // MAXPHYADDR 36: bit 36 is reserved.
    controls.physicalBits = 36
    #expect(PAEFormat(controls: controls).decode(0x10_0000_5003, at: .pageTable) == .reserved(bits: 1 << 36))
  }

  /// 0xc0201000: PDPTE 3, PDE 1, PTE 1.
  @Test func threeLevels() throws {
    let image = PageTableImage(
      building: try space(.pae, intent(0xc020_1000, 0x1000, to: 0x12_3456_7000, .readExecute)),
      at: PhysicalAddress(0x10_0000))
    #expect(image.budget.framesByLevel == [1, 1, 1])
    #expect(image.entry(3, ofFrame: 0) == 0x10_1001)
    #expect(image.entry(1, ofFrame: 1) == 0x10_2023)
    #expect(image.entry(1, ofFrame: 2) == 0x12_3456_7021)
  }
}
