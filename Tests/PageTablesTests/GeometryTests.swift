import AddressSpace
import Addresses
import PageTables
import Testing

/// Which bits of an address select what.
@Suite struct GeometryTests {
  /// Shifts of all levels, those of the smallest pages first, and how many bits the root's index has: the width less the
  /// root's shift.
  @Test(
    arguments: [
      // 32 = 12 + 10 + 10
      (.i386, [12, 22], 10),
      // 32 = 12 + 9 + 9 + 2
      (.pae, [12, 21, 30], 2),
      // 48 = 12 + 4 × 9, 57 = 12 + 5 × 9
      (.x86_64FourLevel, [12, 21, 30, 39], 9), (.x86_64FiveLevel, [12, 21, 30, 39, 48], 9),
      (.riscv(.sv39), [12, 21, 30], 9), (.riscv(.sv48), [12, 21, 30, 39], 9),
      (.riscv(.sv57), [12, 21, 30, 39, 48], 9),
      // 4 KiB, 9 bits a level: 36 - 30, 39 - 30, 40 - 39, 42 - 39, 48 - 39, 49 - 48, 52 - 48
      (.arm(.size4KiB, 36), [12, 21, 30], 6), (.arm(.size4KiB, 39), [12, 21, 30], 9),
      (.arm(.size4KiB, 40), [12, 21, 30, 39], 1), (.arm(.size4KiB, 42), [12, 21, 30, 39], 3),
      (.arm(.size4KiB, 48), [12, 21, 30, 39], 9), (.arm(.size4KiB, 49, large: true), [12, 21, 30, 39, 48], 1),
      (.arm(.size4KiB, 52, large: true), [12, 21, 30, 39, 48], 4),
      // 16 KiB, 11 bits: 36 - 25, 37 - 36, 47 - 36, 48 - 47, 52 - 47
      (.arm(.size16KiB, 36), [14, 25], 11), (.arm(.size16KiB, 37), [14, 25, 36], 1),
      (.arm(.size16KiB, 47), [14, 25, 36], 11), (.arm(.size16KiB, 48), [14, 25, 36, 47], 1),
      (.arm(.size16KiB, 52, large: true), [14, 25, 36, 47], 5),
      // 64 KiB, 13 bits: 36 - 29, 42 - 29, 43 - 42, 48 - 42, 52 - 42
      (.arm(.size64KiB, 36), [16, 29], 7), (.arm(.size64KiB, 42), [16, 29], 13),
      (.arm(.size64KiB, 43), [16, 29, 42], 1), (.arm(.size64KiB, 48), [16, 29, 42], 6),
      (.arm(.size64KiB, 52), [16, 29, 42], 10),
    ] as [(PagingMode, [UInt64], Int)])
  func shifts(mode: PagingMode, shifts: [UInt64], rootBits: Int) {
    let geometry = PagingFormat(mode).geometry
    let root = shifts.count
    #expect(geometry.rootLevel == TableLevel(rawValue: root))
    #expect((1...root).map { geometry.shift(of: TableLevel(rawValue: $0)) } == shifts)
    #expect(geometry.entryCount(of: geometry.rootLevel) == 1 << rootBits)
    // A table below the root fills its frame.
    let entryBytes = mode == .i386 ? 4 : 8
    #expect(geometry.entryCount(of: .pageTable) * entryBytes == 1 << shifts[0])
    #expect(geometry.frameSize.value == 1 << shifts[0])
    #expect(geometry.tableShift(of: geometry.rootLevel) == UInt64(mode.virtualBits))
    // The last address has the last index everywhere.
    let top = VirtualAddress(mode.addressForm == .zeroExtended ? (1 << UInt64(mode.virtualBits)) - 1 : .max)
    #expect(geometry.covers(top))
    #expect(geometry.index(of: top, at: geometry.rootLevel) == (1 << rootBits) - 1)
    #expect(geometry.virtual(geometry.linear(top.value)) == top)
  }

  /// Indices from the root down. Where an address is Linux's, its name is beside it.
  @Test(
    arguments: [
      // Kernel text, direct map, vmalloc, vmemmap, cpu_entry_area, vsyscall, modules; bits 47:39, 38:30, 29:21, 20:12.
      (.x86_64FourLevel, 0xffff_ffff_8100_0000, [511, 510, 8, 0]),
      (.x86_64FourLevel, 0xffff_8880_0000_0000, [273, 0, 0, 0]),
      (.x86_64FourLevel, 0xffff_c900_0000_0000, [402, 0, 0, 0]),
      (.x86_64FourLevel, 0xffff_ea00_0000_0000, [468, 0, 0, 0]),
      (.x86_64FourLevel, 0xffff_fe00_0000_0000, [508, 0, 0, 0]),
      (.x86_64FourLevel, 0xffff_ffff_ff60_0000, [511, 511, 507, 0]),
      (.x86_64FourLevel, 0xffff_ffff_c000_0000, [511, 511, 0, 0]),
      (.x86_64FourLevel, 0x0000_5555_5555_4000, [170, 341, 170, 340]),
      (.x86_64FourLevel, 0x0000_0000_0040_0000, [0, 0, 2, 0]),
      // ff11…: bits 56:48 are 0x111.
      (.x86_64FiveLevel, 0xff11_0000_0000_0000, [273, 0, 0, 0, 0]),
      (.x86_64FiveLevel, 0xffa0_0000_0000_0000, [416, 0, 0, 0, 0]),
      (.x86_64FiveLevel, 0xffd4_0000_0000_0000, [468, 0, 0, 0, 0]),
      (.x86_64FiveLevel, 0xffff_ffff_8100_0000, [511, 511, 510, 8, 0]),
      // PAGE_OFFSET: 0xc0000000 >> 22; >> 30. 0xc1234000: bits 31:22 = 0x304, 21:12 = 0x234; bits 29:21 = 9, 20:12 = 0x34.
      (.i386, 0xc000_0000, [768, 0]), (.i386, 0xc123_4000, [0x304, 0x234]), (.i386, 0xffff_f000, [1023, 1023]),
      (.pae, 0xc000_0000, [3, 0, 0]), (.pae, 0xc123_4000, [3, 9, 0x34]), (.pae, 0xffff_f000, [3, 511, 511]),
      (.arm(.size4KiB, 48), 0xffff_0000_0000_0000, [0, 0, 0, 0]),
      (.arm(.size4KiB, 48), 0xffff_8000_8000_0000, [256, 2, 0, 0]),
      (.arm(.size4KiB, 48), 0xffff_fdff_c000_0000, [507, 511, 0, 0]),
      (.arm(.size4KiB, 48), 0xffff_ffff_ff80_0000, [511, 511, 508, 0]),
      (.arm(.size4KiB, 39), 0xffff_ff80_0000_0000, [0, 0, 0]),
      (.arm(.size4KiB, 39), 0xffff_ffc0_8000_0000, [258, 0, 0]),
      (.arm(.size16KiB, 47), 0xffff_8000_0000_0000, [0, 0, 0]),
      (.arm(.size16KiB, 47), 0xffff_c000_8000_0000, [1024, 64, 0]),
      (.arm(.size64KiB, 48), 0xffff_8000_8000_0000, [32, 4, 0]),
      (.arm(.size64KiB, 42), 0xffff_fe00_8000_0000, [4100, 0]),
      (.riscv(.sv39), 0xffff_ffff_8000_0000, [510, 0, 0]), (.riscv(.sv39), 0xffff_ffd6_0000_0000, [344, 0, 0]),
      (.riscv(.sv48), 0xffff_af80_0000_0000, [351, 0, 0, 0]), (.riscv(.sv48), 0xffff_ffff_8000_0000, [511, 510, 0, 0]),
    ] as [(PagingMode, UInt64, [Int])])
  func indices(mode: PagingMode, address: UInt64, expected: [Int]) {
    let geometry = PagingFormat(mode).geometry
    let levels = (1...expected.count).reversed().map { TableLevel(rawValue: $0) }
    #expect(levels.first == geometry.rootLevel)
    #expect(levels.map { geometry.index(of: VirtualAddress(address), at: $0) } == expected)
  }

  /// The sizes of leaves are those of the manuals, and no level but theirs allows one.
  @Test(arguments: PagingMode.all)
  func leafSizes(mode: PagingMode) {
    let format = PagingFormat(mode)
    let levels = (1...Int(format.geometry.levels)).map { TableLevel(rawValue: $0) }
    #expect(levels.filter { format.allowsPages(at: $0) }.map { format.geometry.pageSize(of: $0) } == mode.pageSizes)
    for size in mode.pageSizes {
      let level = format.geometry.level(of: size)
      #expect(level.map { format.geometry.pageSize(of: $0) } == size)
      #expect(level.map { format.contiguousCount(at: $0) } == Int(mode.groupCount(size)))
    }
    #expect(format.geometry.level(of: .largest) == nil)
    #expect(format.geometry.level(of: PageSize(shift: 13)) == nil)
    #expect(mode.smallestPage == mode.pageSizes[0])
  }

  @Test func levelNames() {
    #expect(PagingMode.i386.levelNames == ["PD", "PT"])
    #expect(PagingMode.pae.levelNames == ["PDPT", "PD", "PT"])
    #expect(PagingMode.x86_64FiveLevel.levelNames == ["PML5", "PML4", "PDPT", "PD", "PT"])
    #expect(PagingMode.arm(.size4KiB, 52, large: true).levelNames == ["L-1", "L0", "L1", "L2", "L3"])
    #expect(PagingMode.arm(.size64KiB, 42).levelNames == ["L2", "L3"])
    #expect(PagingMode.riscv(.sv39).levelNames == ["level 2", "level 1", "level 0"])
  }
}
