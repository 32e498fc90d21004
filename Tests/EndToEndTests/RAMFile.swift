import TestSupport

/// Physical memory from 0 that a test fills entry by entry.
struct RAMFile {
  private(set) var bytes: [UInt8]

  init(size: Int) { bytes = [UInt8](repeating: 0, count: size) }

  /// Writes an entry of 64 bits, little-endian.
  mutating func set(_ address: Int, _ entry: UInt64) { bytes.replaceSubrange(address..<address + 8, with: entry.bytes) }

  /// Writes an entry of 32 bits.
  mutating func set32(_ address: Int, _ entry: UInt32) {
    bytes.replaceSubrange(address..<address + 4, with: entry.bytes)
  }

  func write(to name: String, in folder: TemporaryFolder) throws -> String { try folder.write(bytes, to: name) }
}

extension RAMFile {
  /// Four-level tables whose every entry is spelled out; the root is at 0x1000.
  static var fourLevels: RAMFile {
    var ram = RAMFile(size: 0x6000)
    // PML4: a table for users (P R/W U/S A); one for the supervisor that is not to be executed (NX P R/W A).
    ram.set(0x1000, 0x2027)
    ram.set(0x1000 + 511 * 8, 0x8000_0000_0000_3023)
    ram.set(0x2000, 0x4027)
    // 1 GiB at 0x40000000: P R/W A D PS G.
    ram.set(0x3000 + 511 * 8, 0x4000_01e3)
    // PD: a table; 2 MiB at 0x400000 (P R/W U/S A D PS); 2 MiB with the reserved bit 13; a table outside memory.
    ram.set(0x4000, 0x5027)
    ram.set(0x4008, 0x40_00e7)
    ram.set(0x4010, 0x80_20a1)
    ram.set(0x4018, 0x10_0027)
    // PT: P U/S A; twice NX P R/W U/S A D at neighbouring pages; NX P R/W PWT PCD A D.
    ram.set(0x5008, 0x9025)
    ram.set(0x5010, 0x8000_0000_0000_a067)
    ram.set(0x5018, 0x8000_0000_0000_b067)
    ram.set(0x5028, 0x8000_0000_000f_e07b)
    return ram
  }

  /// A page directory at 0x1000: a table with P U/S at index 3 of it, and 4 MiB at 0xc00000 (P R/W A D PS).
  static var i386: RAMFile {
    var ram = RAMFile(size: 0x3000)
    ram.set32(0x1000, 0x2007)
    ram.set32(0x1004, 0xc0_00e3)
    ram.set32(0x200c, 0x7005)
    return ram
  }

  /// A PDPT at 0x1020; its second entry is a directory, with 2 MiB at 0x600000 (NX P R/W PS).
  static var pae: RAMFile {
    var ram = RAMFile(size: 0x3000)
    ram.set(0x1028, 0x2001)
    ram.set(0x2000, 0x8000_0000_0060_0083)
    return ram
  }

  /// A root at 0x1000: 1 GiB at 0x80000000 (V R X G A); and two tables down to 16 entries that are one page of 64 KiB at
  /// 0x90000000 (N, PPN[3:0] = 8, V R W U A D).
  static var sv39: RAMFile {
    var ram = RAMFile(size: 0x4000)
    ram.set(0x1000, 0x8000_0000 >> 2 | 0x6b)
    ram.set(0x1000 + 511 * 8, 0x2000 >> 2 | 1)
    ram.set(0x2000 + 511 * 8, 0x3000 >> 2 | 1)
    for index in 16..<32 { ram.set(0x3000 + index * 8, 1 << 63 | 0x9000_8000 >> 2 | 0xd7) }
    return ram
  }

  /// The lower half, 48 bits, from 0x1000: 1 GiB at 0x40000000 (AF, SH 3, AttrIndx 0, PXN, UXN). The upper, 39 bits, from
  /// 0x3000: a table under APTable[1], and 16 pages at 0x80000000 (AF, nG, AttrIndx 1, contiguous, UXN).
  static var aarch64: RAMFile {
    var ram = RAMFile(size: 0x6000)
    ram.set(0x1000, 0x2003)
    ram.set(0x2008, 1 << 54 | 1 << 53 | 0x4000_0701)
    ram.set(0x3000, 1 << 62 | 0x4003)
    ram.set(0x4000, 0x5003)
    for index in 0..<16 { ram.set(0x5000 + index * 8, 1 << 54 | 1 << 52 | 0x8000_0c07 + UInt64(index) << 12) }
    return ram
  }
}
