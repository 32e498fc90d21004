import AddressSpace
import Addresses
import PageTables
import Testing

/// Bits by hand, from the Intel SDM vol. 3A, tables 4-15 to 4-20: P 0, RW 1, US 2, PWT 3, PCD 4, A 5, D 6, PS 7, G 8,
/// XD 63.
@Suite struct X86_64FormatTests {
  private let format = X86_64Format()

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
    for (level, extra) in [(TableLevel.pageTable, UInt64(0)), (.pageDirectory, 0x80), (.pageDirectoryPointer, 0x80)] {
      let entry = format.pageEntry(to: page, at: level, as: PageKind(access))
      #expect(entry == 0x4_4000_0000 | bits | extra)
      // PWT | PCD
      let uncached = format.pageEntry(to: page, at: level, as: PageKind(access, cache: .uncacheable))
      #expect(uncached == entry | 0x18)
      #expect(format.policy(of: format.attributes(of: uncached, at: level).memoryType) == .uncacheable)
      #expect(format.policy(of: format.attributes(of: entry, at: level).memoryType) == .writeBack)
      // US, G
      #expect(format.pageEntry(to: page, at: level, as: PageKind(access, isUser: true)) == entry | 4)
      #expect(format.pageEntry(to: page, at: level, as: PageKind(access, isGlobal: true)) == entry | 0x100)
    }
  }

  @Test func tableEntryGrantsEverything() {
    let table = PhysicalAddress(0x1234_5000)
    // P | RW | A, no NX, no US
    #expect(format.tableEntry(to: table, at: .pml4, user: false) == 0x1234_5023)
    #expect(format.tableEntry(to: table, at: .pml4, user: true) == 0x1234_5027)
  }

  @Test func fieldsOfAnEntryWithEveryBit() {
    let all = X86Entry(rawValue: .max)
    #expect(all.isPresent && all.isWritable && all.isUser && all.isWriteThrough && all.isCacheDisabled)
    #expect(all.isAccessed && all.isDirty && all.hasPageSizeBit && all.isGlobal && all.protectionKey == 15)
    #expect(all.frame.value == 0x000f_ffff_ffff_f000)
    let none = X86Entry(rawValue: 0)
    #expect(!none.isPresent && !none.isWritable && !none.isUser && !none.isGlobal && none.protectionKey == 0)
  }

  @Test func attributeBitMovesWithThePageSize() {
    // PAT<<2 | PCD<<1 | PWT: bit 7 in a 4 KiB entry, bit 12 in a large one.
    #expect(X86Entry(rawValue: 0x80).memoryType(at: .pageTable) == 4)
    #expect(X86Entry(rawValue: 0x80).memoryType(at: .pageDirectory) == 0)
    #expect(X86Entry(rawValue: 0x1000).memoryType(at: .pageDirectory) == 4)
    #expect(X86Entry(rawValue: 0x1018).memoryType(at: .pageDirectoryPointer) == 7)
    #expect(X86Entry(rawValue: 0x1018).memoryType(at: .pageTable) == 3)
    // 1 GiB to 2 MiB: nothing moves. 2 MiB to 4 KiB: PS goes, PAT comes to its place.
    #expect(format.splitting(0x4000_10e3, at: .pageDirectoryPointer) == 0x4000_10e3)
    #expect(format.splitting(0x4020_10e3, at: .pageDirectory) == 0x4020_00e3)
    #expect(format.splitting(0x4020_00e3, at: .pageDirectory) == 0x4020_0063)
  }

  @Test func meaningByLevel() {
    func meaning(_ raw: UInt64, _ level: TableLevel, bits: UInt8 = 52) -> EntryMeaning {
      var controls = X86Controls()
      controls.physicalBits = bits
      return X86_64Format(controls: controls).decode(raw, at: level)
    }
    #expect(meaning(~1, .pml4) == .absent)
    #expect(meaning(0x5023, .pml4) == .table(PhysicalAddress(0x5000)))
    // Bit 7 of a PML4E is reserved.
    #expect(meaning(0x50a3, .pml4) == .reserved(bits: 0x80))
    #expect(meaning(0x4000_00e3, .pageDirectoryPointer) == .page(PhysicalAddress(0x4000_0000), .size1GiB))
    // Bits 29:13 of a 1 GiB page are reserved, bit 12 is PAT.
    #expect(meaning(0x4000_10e3, .pageDirectoryPointer) == .page(PhysicalAddress(0x4000_0000), .size1GiB))
    #expect(meaning(0x7000_20e3, .pageDirectoryPointer) == .reserved(bits: 0x3000_2000))
    #expect(meaning(0x0060_00e3, .pageDirectory) == .page(PhysicalAddress(0x60_0000), .size2MiB))
    // Bits 20:13 of a 2 MiB page are reserved.
    #expect(meaning(0x0070_20e3, .pageDirectory) == .reserved(bits: 0x10_2000))
    #expect(meaning(0x0070_2063, .pageDirectory) == .table(PhysicalAddress(0x70_2000)))
    // Bit 7 of a PTE is PAT.
    #expect(meaning(0x0070_20e3, .pageTable) == .page(PhysicalAddress(0x70_2000), .size4KiB))
    // MAXPHYADDR 40: bit 40 is reserved, bit 39 is not.
    #expect(meaning(0x100_0000_0063, .pageTable, bits: 40) == .reserved(bits: 0x100_0000_0000))
    #expect(meaning(0x80_0000_0063, .pageTable, bits: 40) == .page(PhysicalAddress(0x80_0000_0000), .size4KiB))
    // Bits 62:52 are software's and the protection key's.
    #expect(meaning(0x7ff0_0000_0000_5003, .pageTable) == .page(PhysicalAddress(0x5000), .size4KiB))
  }

  /// A PML5E is like a PML4E: bit 7 is reserved (table 4-14).
  @Test func fiveLevels() {
    let format = X86_64Format(fiveLevels: true)
    #expect(format.decode(0x5023, at: .pml5) == .table(PhysicalAddress(0x5000)))
    #expect(format.decode(0x50a3, at: .pml5) == .reserved(bits: 0x80))
    #expect(format.decode(0x50a3, at: .pml4) == .reserved(bits: 0x80))
    #expect(format.decode(0x4000_00e3, at: .pageDirectoryPointer) == .page(PhysicalAddress(0x4000_0000), .size1GiB))
    #expect(!format.allowsPages(at: .pml4) && !format.allowsPages(at: .pml5))
  }

  @Test func abilitiesThatAreMissing() {
    var controls = X86Controls()
    controls.gigabytePages = false
    controls.noExecuteEnabled = false
    let format = X86_64Format(controls: controls)
    // Without 1 GiB pages PS is reserved in a PDPTE; without NXE bit 63 is reserved everywhere.
    #expect(format.decode(0x4000_00e3, at: .pageDirectoryPointer) == .reserved(bits: 0x80))
    for level in [TableLevel.pageTable, .pageDirectory, .pageDirectoryPointer, .pml4] {
      #expect(format.decode(0x8000_0000_0000_5003, at: level) == .reserved(bits: 1 << 63))
    }
    // Nor can it be written: P | A.
    #expect(format.pageEntry(to: PhysicalAddress(0), at: .pageTable, as: PageKind(.read)) == 0x21)
    #expect(format.granting(.readWrite, in: 0x21, at: .pageTable) & 1 << 63 == 0)
  }

  /// Intel SDM vol. 3A, 4.6.1: what WP, SMEP and SMAP do to a page that is user's or supervisor's, writable or not.
  @Test func controlBits() {
    func rights(_ leaf: UInt64, _ change: (inout X86Controls) -> Void) -> EffectiveRights {
      var controls = X86Controls()
      change(&controls)
      return X86_64Format(controls: controls).rights(of: leaf, at: .pageTable, under: [])
    }
    let supervisor: EffectiveRights = [.supervisorRead, .supervisorExecute]
    let user: EffectiveRights = [.userRead, .userExecute]
    // P, P | US: without WP the supervisor writes all the same.
    #expect(rights(0x1) { _ in } == supervisor)
    #expect(rights(0x1) { $0.writeProtect = false } == supervisor.union(.supervisorWrite))
    #expect(rights(0x5) { $0.writeProtect = false } == supervisor.union(.supervisorWrite).union(user))
    // SMEP and SMAP concern user pages alone.
    #expect(rights(0x5) { $0.preventsExecution = true } == user.union(.supervisorRead))
    #expect(rights(0x1) { $0.preventsExecution = true } == supervisor)
    #expect(rights(0x7) { $0.preventsAccess = true } == user.union([.userWrite, .supervisorExecute]))
    #expect(rights(0x3) { $0.preventsAccess = true } == supervisor.union(.supervisorWrite))
    // CR0.WP 16, CR4.SMEP 20, CR4.SMAP 21, CR4.PSE 4, EFER.NXE 11.
    let running = X86Controls(cr0: 0x8005_0033, cr4: 0x30_06b0, efer: 0xd01, physicalBits: 46)
    #expect(running.writeProtect && running.preventsExecution && running.preventsAccess && running.largePages)
    #expect(running.noExecuteEnabled && running.physicalBits == 46)
    let bare = X86Controls(cr0: 0x8000_0011, cr4: 0x20, efer: 0x500)
    #expect(!bare.writeProtect && !bare.preventsExecution && !bare.preventsAccess && !bare.largePages)
    #expect(!bare.noExecuteEnabled)
  }

  /// Another access changes R/W and XD alone: PAT, key, global and software's bits stay.
  @Test func grantingKeepsTheRest() {
    // Key 5 (62:59), software's 58:52 and 11:9, PAT, G, D, A, PCD, PWT, US, RW, P.
    let entry: UInt64 = 0x2ff0_0012_3456_7fff
    #expect(format.granting(.read, in: entry, at: .pageTable) == 0xaff0_0012_3456_7ffd)
    #expect(format.granting(.readExecute, in: entry, at: .pageTable) == 0x2ff0_0012_3456_7ffd)
    #expect(format.granting(.readWrite, in: 0x21, at: .pageTable) == 0x8000_0000_0000_0023)
  }
}
