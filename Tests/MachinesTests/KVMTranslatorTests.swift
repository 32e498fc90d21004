import Addresses
import Glibc
import Machines
import Testing

/// Every expected value is that of Intel SDM vol. 3A, ch. 4 (AMD APM vol. 2, ch. 5 agrees), for tables written by hand.
@Suite(.enabled(if: KVMTranslation.isAvailable, Comment(rawValue: KVMTranslation.reason)))
struct KVMTranslatorTests {
  @Test func fourLevelsAreWalked() throws {
    let tables = try KVMTestTables.fourLevels()
    #expect(try tables.translate(0xabc) == 0x5abc)
    #expect(try tables.translate(0x1000) == nil)
    // PD entry 2 is a page of 2 MiB at 6 MiB, PML4 entry 256 the lowest of the upper half.
    tables.store(0x60_0000 | 3 | KVMTestTables.pageSize, at: 0x3010)
    tables.store(0x2003, at: 0x1800)
    #expect(try tables.translate(0x41_2345) == 0x61_2345)
    #expect(try tables.translate(0xffff_8000_0041_2345) == 0x61_2345)
    // A table where there is no memory.
    tables.store(0x8000_0003, at: 0x3018)
    #expect(try tables.translate(0x60_0000) == nil)
  }

  @Test func changedTablesAreReadAfresh() throws {
    let tables = try KVMTestTables.fourLevels()
    for page: UInt64 in [0x6000, 0x7000] {
      tables.store(page | 3, at: 0x4008)
      #expect(try tables.translate(0x1010) == page + 0x10)
    }
    tables.store(0, at: 0x4008)
    #expect(try tables.translate(0x1010) == nil)
    tables.store(0, at: 0x1000)
    #expect(try tables.translate(0x10) == nil)
  }

  @Test func aWalkSetsAccessedBits() throws {
    let tables = try KVMTestTables.fourLevels()
    _ = try tables.translate(0)
    // Bit 5; the dirty bit 6 is for writes.
    #expect([0x1000, 0x2000, 0x3000, 0x4000].map(tables.load) == [0x2023, 0x3023, 0x4023, 0x5023])
  }

  @Test func reservedBitsAreJudged() throws {
    let tables = try KVMTestTables.fourLevels()
    let widest = UInt64(1) << UInt64(tables.walker.physicalBits - 1)
    tables.store(widest | 0x6003, at: 0x4008)
    #expect(try tables.translate(0x1000) == widest | 0x6000)
    if tables.walker.physicalBits < 52 {
      tables.store(widest << 1 | 0x6003, at: 0x4008)
      #expect(try tables.translate(0x1000) == nil)
    }
    // Bits 52 to 58 are ignored.
    tables.store(1 << 52 | 0x6003, at: 0x4008)
    #expect(try tables.translate(0x1000) == 0x6000)
    // Bits 20 to 13 of a page of 2 MiB are reserved, bit 12 is PAT.
    tables.store(0x60_1000 | 3 | KVMTestTables.pageSize, at: 0x3010)
    #expect(try tables.translate(0x40_0000) == 0x60_0000)
    tables.store(0x60_2000 | 3 | KVMTestTables.pageSize, at: 0x3010)
    #expect(try tables.translate(0x40_0000) == nil)
    // Bit 7 of a PML4 entry.
    tables.store(0x2003 | KVMTestTables.pageSize, at: 0x1008)
    #expect(try tables.translate(0x80_0000_0000) == nil)
    // Bit 7 of a PDPT entry is reserved without pages of 1 GiB.
    tables.store(0x4000_0003 | KVMTestTables.pageSize, at: 0x2008)
    #expect(try tables.translate(0x4123_4567) == (tables.walker.supportsGibibytePages ? 0x4123_4567 : nil))
  }

  @Test func executeDisableIsReservedWithoutNXE() throws {
    let tables = try KVMTestTables.fourLevels()
    try #require(tables.walker.supportsExecuteDisable)
    tables.store(0x6003 | KVMTestTables.executeDisable, at: 0x4008)
    #expect(try tables.translate(0x1000) == 0x6000)
    try tables.walker.setPaging(cr3: 0x1000, cr0: KVMTestTables.cr0, cr4: KVMTestTables.cr4, efer: 0x500)
    #expect(try tables.translate(0x1000) == nil)
    #expect(try tables.translate(0) == 0x5000)
  }

  @Test func aReadIsTheSupervisors() throws {
    let tables = try KVMTestTables.fourLevels()
    for address in [0x1000, 0x2000, 0x3000] { tables.store(tables.load(address) | 4, at: address) }
    // A page for the user, and one that cannot be written.
    tables.store(0x6007, at: 0x4008)
    tables.store(0x7001, at: 0x4010)
    #expect(try tables.translate(0x1000) == 0x6000)
    #expect(try tables.translate(0x2000) == 0x7000)
    // SMAP, bit 21 of CR4; a processor without it refuses the bit.
    let smap = KVMTestTables.cr4 | 1 << 21
    do throws(MachineError) {
      try tables.walker.setPaging(cr3: 0x1000, cr0: KVMTestTables.cr0, cr4: smap, efer: KVMTestTables.efer)
    } catch {
      guard error == .system(call: "KVM_SET_SREGS", errno: EINVAL) else { throw error }
      return
    }
    #expect(try tables.translate(0x1000) == nil)
    #expect(try tables.translate(0) == 0x5000)
  }

  @Test func manyAddressesAreTranslatedInOrder() throws {
    let tables = try KVMTestTables.fourLevels()
    tables.store(0x60_0000 | 3 | KVMTestTables.pageSize, at: 0x3010)
    let addresses: [UInt64] = [0x40_0000, 0, 0x1000, 0x5f_ffff, 0x60_0000, 0xfff]
    let found = try tables.walker.translate(addresses.map { VirtualAddress($0) })
    #expect(found.map { $0?.value } == [0x60_0000, 0x5000, nil, 0x7f_ffff, nil, 0x5fff])
    #expect(try tables.walker.translate([]) == [])
  }

  @Test func fiveLevelsAreWalked() throws {
    let tables = try KVMTestTables.fourLevels()
    // A level above the four: entry 1 of the table at 0x8000 covers 2⁴⁸ up to 2⁴⁹.
    tables.store(0x1003, at: 0x8008)
    let cr4 = KVMTestTables.cr4 | 1 << 12
    guard tables.walker.supportsFiveLevel else {
      #expect(throws: MachineError.system(call: "KVM_SET_SREGS", errno: EINVAL)) {
        try tables.walker.setPaging(cr3: 0x8000, cr0: KVMTestTables.cr0, cr4: cr4, efer: KVMTestTables.efer)
      }
      return
    }
    try tables.walker.setPaging(cr3: 0x8000, cr0: KVMTestTables.cr0, cr4: cr4, efer: KVMTestTables.efer)
    #expect(try tables.translate(0x1_0000_0000_0abc) == 0x5abc)
    #expect(try tables.translate(0xabc) == nil)
  }

  @Test func contradictoryRegistersAreRefused() throws {
    let tables = try KVMTestTables.fourLevels()
    let refusal = MachineError.system(call: "KVM_SET_SREGS", errno: EINVAL)
    // Long mode without PAE, paging without protection, a root beyond MAXPHYADDR.
    #expect(throws: refusal) { try tables.walker.setPaging(cr3: 0x1000, cr0: 0x8001_0011, cr4: 0, efer: 0xd00) }
    #expect(throws: refusal) { try tables.walker.setPaging(cr3: 0x1000, cr0: 0x8001_0010, cr4: 0x20, efer: 0xd00) }
    #expect(throws: refusal) { try tables.walker.setPaging(cr3: 1 << 60, cr0: 0x8001_0011, cr4: 0x20, efer: 0xd00) }
    #expect(try tables.translate(0) == 0x5000)
  }

  @Test func memoryStandsWhereItIsPut() throws {
    let file = try KVMTranslation.memory()
    let high: UInt64 = 0x1_0000_0000
    // The file's second half at 4 GiB, with the tables; its first half nowhere.
    let half = FileRange(uncheckedStart: FileOffset(0x20_0000), count: .mebibytes(2))
    file.withMutableBytes { bytes in
      for (offset, entry) in [(0x20_1000, high + 0x2003), (0x20_2000, high + 0x3003), (0x20_3000, 0xe0_0083)] {
        bytes.storeBytes(of: UInt64(entry), toByteOffset: offset, as: UInt64.self)
      }
    }
    let walker = try KVMTranslator(regions: [.init(file: file, bytes: half, physical: PhysicalAddress(high))])
    try walker.setPaging(cr3: high + 0x1000, cr0: KVMTestTables.cr0, cr4: KVMTestTables.cr4, efer: KVMTestTables.efer)
    #expect(try walker.translate(VirtualAddress(0x1_2345))?.value == 0xe1_2345)
  }

  @Test func memoryThatIsNotInTheFileIsRefused() throws {
    let file = try KVMTranslation.memory()
    for (start, count): (UInt64, UInt64) in [(0, 0x40_1000), (0x40_0000, 0x1000), (0, 0), (0, 0x800)] {
      let bytes = FileRange(uncheckedStart: FileOffset(start), count: ByteCount(count))
      let error = #expect(throws: MachineError.self) {
        try KVMTranslator(regions: [.init(file: file, bytes: bytes, physical: PhysicalAddress(0))])
      }
      guard case .unsupportedMemorySize(ByteCount(count), _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }
}

/// Paging outside long mode: right, or refused with what KVM made of the registers, but never silently off.
@Suite(.enabled(if: KVMTranslation.isAvailable, Comment(rawValue: KVMTranslation.reason)))
struct KVMLegacyPagingTests {
  /// False where this KVM has no such paging.
  private func setPaging(_ tables: KVMTestTables, cr3: UInt64, cr4: UInt64) throws -> Bool {
    do throws(MachineError) {
      try tables.walker.setPaging(cr3: cr3, cr0: KVMTestTables.cr0, cr4: cr4, efer: 0)
      return true
    } catch {
      guard case .unexpectedAnswer("KVM", _, let found) = error else { throw error }
      // PE, ET and WP without PG.
      #expect(found.hasPrefix("CR0 0x10011,"))
      return false
    }
  }

  @Test func twoLevelsAreWalked() throws {
    let tables = try KVMTestTables()
    tables.store32(0x2003, at: 0x1000)
    tables.store32(0x5003, at: 0x2000)
    // 4 MiB at 8 MiB; and at 0x12_00c0_0000, with bits 39 to 32 in bits 20 to 13 (PSE-36).
    tables.store32(0x0080_0083, at: 0x1004)
    tables.store32(0x00c0_0083 | 0x12 << 13, at: 0x1008)
    guard try setPaging(tables, cr3: 0x1000, cr4: 0x10) else { return }
    #expect(try tables.translate(0xabc) == 0x5abc)
    #expect(try tables.translate(0x1000) == nil)
    #expect(try tables.translate(0x51_2345) == 0x91_2345)
    #expect(try tables.translate(0x91_2345) == 0x12_00d1_2345)
  }

  @Test func threeLevelsAreWalked() throws {
    let tables = try KVMTestTables()
    tables.store(0x2001, at: 0x1020)
    tables.store(0x3003, at: 0x2000)
    tables.store(0x60_0083, at: 0x2008)
    tables.store(0x5003, at: 0x3000)
    guard try setPaging(tables, cr3: 0x1020, cr4: 0x20) else { return }
    #expect(try tables.translate(0xabc) == 0x5abc)
    #expect(try tables.translate(0x21_2345) == 0x61_2345)
    // The second of the four entries is read with the registers.
    tables.store(0x2001, at: 0x1028)
    #expect(try setPaging(tables, cr3: 0x1020, cr4: 0x20))
    #expect(try tables.translate(0x4000_0abc) == 0x5abc)
  }
}
