import AddressSpace
import Addresses
import PageTables
import Testing

/// Bits by hand, from the Intel SDM vol. 3A, tables 4-15 to 4-20: P 0, RW 1, PWT 3, PCD 4, A 5, D 6, PS 7, XD 63.
@Suite struct EntryTests {
  @Test(arguments: [
    // P | A | NX
    (Access.read, UInt64(0x8000_0000_0000_0021)),
    // P | RW | A | D | NX
    (.readWrite, 0x8000_0000_0000_0063),
    // P | A
    (.readExecute, 0x21),
    // P | RW | A | D
    (.readWriteExecute(because: .segmentFlags), 0x63),
  ])
  func accessBits(access: Access, bits: UInt64) {
    let page = PhysicalAddress(0x4_4000_0000)
    for (size, extra) in [(PageSize.size4KiB, UInt64(0)), (.size2MiB, 0x80), (.size1GiB, 0x80)] {
      let entry = X86_64Entry(page: page, size: size, access: access, cache: .writeBack)
      #expect(entry.rawValue == 0x4_4000_0000 | bits | extra)
      let uncached = X86_64Entry(page: page, size: size, access: access, cache: .uncacheable)
      // PWT | PCD
      #expect(uncached.rawValue == entry.rawValue | 0x18)
      #expect(uncached.memoryType(of: size).policy == .uncacheable)
      #expect(entry.memoryType(of: size).policy == .writeBack)
    }
  }

  @Test func tableEntryGrantsEverythingToTheKernel() {
    // P | RW | A, no NX, no US
    #expect(X86_64Entry(table: PhysicalAddress(0x1234_5000)).rawValue == 0x1234_5023)
  }

  @Test func fieldsOfAnEntryWithEveryBit() {
    let all = X86_64Entry(rawValue: .max)
    #expect(all.isPresent && all.isWritable && all.isUser && all.isWriteThrough && all.isCacheDisabled)
    #expect(all.isAccessed && all.isDirty && all.hasPageSizeBit && all.isGlobal && all.isNoExecute)
    #expect(all.frame.value == 0x000f_ffff_ffff_f000)
    let none = X86_64Entry(rawValue: 0)
    #expect(!none.isPresent && !none.isWritable && !none.isUser && !none.isGlobal && !none.isNoExecute)
  }

  @Test func attributeBitMovesWithThePageSize() {
    // PAT<<2 | PCD<<1 | PWT: bit 7 in a 4 KiB entry, bit 12 in a large one.
    #expect(X86_64Entry(rawValue: 0x80).memoryType(of: .size4KiB).rawValue == 4)
    #expect(X86_64Entry(rawValue: 0x80).memoryType(of: .size2MiB).rawValue == 0)
    #expect(X86_64Entry(rawValue: 0x1000).memoryType(of: .size2MiB).rawValue == 4)
    #expect(X86_64Entry(rawValue: 0x1018).memoryType(of: .size1GiB).rawValue == 7)
    #expect(X86_64Entry(rawValue: 0x1018).memoryType(of: .size4KiB).rawValue == 3)
  }

  @Test func meaningByLevel() {
    func meaning(_ raw: UInt64, _ level: TableLevel, bits: Int = 52) -> X86_64Entry.Meaning {
      X86_64Entry(rawValue: raw).meaning(at: level, physicalBits: bits)
    }
    #expect(meaning(~1, .pml4) == .absent)
    #expect(meaning(0x5023, .pml4) == .target(.table(PhysicalAddress(0x5000))))
    // Bit 7 of a PML4E is reserved.
    #expect(meaning(0x50a3, .pml4) == .reserved(bits: 0x80))
    #expect(meaning(0x4000_00e3, .pageDirectoryPointer) == .target(.page(PhysicalAddress(0x4000_0000), .size1GiB)))
    // Bits 29:13 of a 1 GiB page are reserved, bit 12 is PAT.
    #expect(meaning(0x4000_10e3, .pageDirectoryPointer) == .target(.page(PhysicalAddress(0x4000_0000), .size1GiB)))
    #expect(meaning(0x7000_20e3, .pageDirectoryPointer) == .reserved(bits: 0x3000_2000))
    #expect(meaning(0x0060_00e3, .pageDirectory) == .target(.page(PhysicalAddress(0x60_0000), .size2MiB)))
    // Bits 20:13 of a 2 MiB page are reserved.
    #expect(meaning(0x0070_20e3, .pageDirectory) == .reserved(bits: 0x10_2000))
    #expect(meaning(0x0070_2063, .pageDirectory) == .target(.table(PhysicalAddress(0x70_2000))))
    // Bit 7 of a PTE is PAT.
    #expect(meaning(0x0070_20e3, .pageTable) == .target(.page(PhysicalAddress(0x70_2000), .size4KiB)))
    // MAXPHYADDR 40: bit 40 is reserved, bit 39 is not.
    #expect(meaning(0x100_0000_0063, .pageTable, bits: 40) == .reserved(bits: 0x100_0000_0000))
    #expect(
      meaning(0x80_0000_0063, .pageTable, bits: 40) == .target(.page(PhysicalAddress(0x80_0000_0000), .size4KiB)))
  }

  /// The vectors are bits 47:39, 38:30, 29:21, 20:12 of well-known Linux addresses.
  @Test(
    arguments: [
      (0xffff_ffff_8100_0000, [511, 510, 8, 0]), (0xffff_8880_0000_0000, [273, 0, 0, 0]),
      (0xffff_c900_0000_0000, [402, 0, 0, 0]), (0xffff_ea00_0000_0000, [468, 0, 0, 0]),
      (0xffff_fe00_0000_0000, [508, 0, 0, 0]), (0xffff_ffff_ff60_0000, [511, 511, 507, 0]),
      (0xffff_ffff_c000_0000, [511, 511, 0, 0]), (0x0000_5555_5555_4000, [170, 341, 170, 340]),
      (0x0000_0000_0040_0000, [0, 0, 2, 0]),
    ] as [(UInt64, [Int])])
  func indices(address: UInt64, expected: [Int]) {
    let levels: [TableLevel] = [.pml4, .pageDirectoryPointer, .pageDirectory, .pageTable]
    #expect(levels.map { VirtualAddress(address).tableIndex(at: $0) } == expected)
  }

  @Test func levelFive() {
    // ff11000000000000: bits 56:48 are 0x111 = 273.
    #expect(VirtualAddress(0xff11_0000_0000_0000).tableIndex(at: TableLevel(rawValue: 5)) == 273)
    #expect(VirtualAddress(0xffa0_0000_0000_0000).tableIndex(at: TableLevel(rawValue: 5)) == 416)
  }
}
