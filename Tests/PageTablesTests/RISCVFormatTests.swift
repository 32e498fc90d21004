import AddressSpace
import Addresses
import PageTables
import Testing

/// RISC-V privileged specification, 12.4 to 12.6, by hand: V 0, R 1, W 2, X 3, U 4, G 5, A 6, D 7, PPN 53:10, PBMT 62:61,
/// N 63. An address goes into the entry two bits to the right.
@Suite struct RISCVFormatTests {
  private let format = RISCVFormat(.sv57)

  private func with(_ change: (inout RISCVControls) -> Void) -> RISCVFormat {
    var controls = RISCVControls()
    change(&controls)
    return RISCVFormat(.sv57, controls: controls)
  }

  @Test(arguments: [
    // V | R | A
    (Access.read, UInt64(0x43)),
    // V | R | W | A | D
    (.readWrite, 0xc7),
    // V | R | X | A
    (.readExecute, 0x4b), (.readWriteExecute(because: .segmentFlags), 0xcf),
  ])
  func accessBits(access: Access, bits: UInt64) {
    // 0x8020_0000 >> 2
    let page = PhysicalAddress(0x8020_0000)
    for level in [TableLevel.pageTable, .pageDirectory] {
      #expect(format.pageEntry(to: page, at: level, as: PageKind(access)) == 0x2008_0000 | bits)
      #expect(format.pageEntry(to: page, at: level, as: PageKind(access, isUser: true)) == 0x2008_0010 | bits)
      #expect(format.pageEntry(to: page, at: level, as: PageKind(access, isGlobal: true)) == 0x2008_0020 | bits)
      // PBMT 2, IO.
      let device = PageKind(access, cache: .uncacheable)
      #expect(format.pageEntry(to: page, at: level, as: device) == 0x4000_0000_2008_0000 | bits)
      #expect(with { $0.hasMemoryTypes = false }.pageEntry(to: page, at: level, as: device) == 0x2008_0000 | bits)
    }
    #expect(format.tableEntry(to: page, at: .pageDirectory, user: true) == 0x2008_0001)
    // The widest address: 56 bits.
    let top = PhysicalAddress(0xff_ffff_ffff_f000)
    #expect(format.pageEntry(to: top, at: .pageTable, as: PageKind(.read)) == 0x003f_ffff_ffff_fc43)
    #expect(format.decode(0x003f_ffff_ffff_fc43, at: .pageTable) == .page(top, .size4KiB))
  }

  /// A leaf may stand at any level; below its size the address must be zero.
  @Test(
    arguments: [(1, .size4KiB), (2, .size2MiB), (3, .size1GiB), (4, .size512GiB), (5, .size256TiB)]
      as [(Int, PageSize)])
  func leavesAndMisalignedSuperpages(level: Int, size: PageSize) {
    let level = TableLevel(rawValue: level)
    let bytes = size.byteCount.value
    #expect(format.decode(bytes >> 2 | 0x43, at: level) == .page(PhysicalAddress(bytes), size))
    guard size > .size4KiB else { return }
    // The lowest PPN bit, and the highest below the size.
    #expect(format.decode(bytes >> 2 | 0x443, at: level) == .reserved(bits: 0x400))
    #expect(format.decode(bytes >> 2 | bytes >> 3 | 0x43, at: level) == .reserved(bits: bytes >> 3))
  }

  @Test func reservedEncodings() {
    #expect(format.decode(~1, at: .pageTable) == .absent)
    #expect(format.decode(0x2008_0001, at: .pageDirectory) == .table(PhysicalAddress(0x8020_0000)))
    // W without R, with and without X.
    #expect(format.decode(0x45, at: .pageTable) == .reserved(bits: 4))
    #expect(format.decode(0x4d, at: .pageTable) == .reserved(bits: 4))
    // D, A and U of an entry that points further; G is not.
    for bit in [0x10, 0x40, 0x80] as [UInt64] {
      #expect(format.decode(0x2008_0001 | bit, at: .pageDirectory) == .reserved(bits: bit))
    }
    #expect(format.decode(0x2008_0021, at: .pageDirectory) == .table(PhysicalAddress(0x8020_0000)))
    // Bits 60:54, in leaves and in others; PBMT and N in others.
    for bit in 54...60 as ClosedRange<UInt64> {
      #expect(format.decode(0x43 | 1 << bit, at: .pageTable) == .reserved(bits: 1 << bit))
      #expect(format.decode(0x1 | 1 << bit, at: .pageDirectory) == .reserved(bits: 1 << bit))
    }
    for bit in 61...63 as ClosedRange<UInt64> {
      #expect(format.decode(0x1 | 1 << bit, at: .pageDirectory) == .reserved(bits: 1 << bit))
    }
  }

  /// 12.3.2, step 4: an entry of the last level that is no leaf is a fault, not a way to yet another table.
  @Test func nothingLiesBelowTheLastLevel() {
    #expect(format.decode(0x2008_0001, at: .pageTable) == .reserved(bits: 1))
    // The root, and two tables below it; the last entry points to the root again.
    let memory = memory([(0, 0x401), (0x1000, 0x801), (0x2000, 0x1)], count: 0x3000)
    let tables = TranslationTables(format: RISCVFormat(.sv39), memory: memory, root: PhysicalAddress(0))
    let translation = tables.translate(VirtualAddress(0))
    #expect(translation.steps.count == 3)
    guard case .fault(let fault) = translation.outcome else {
      Issue.record("\(translation)")
      return
    }
    #expect(fault.reason == .reservedBits(1) && fault.level == .pageTable)
    #expect(tables.runs().report.problems.map(\.reason) == [.reservedBits(1)])
  }

  @Test func memoryTypes() {
    for type in 0...2 as ClosedRange<UInt64> {
      #expect(format.decode(0x43 | type << 61, at: .pageTable) == .page(PhysicalAddress(0), .size4KiB))
      #expect(format.attributes(of: 0x43 | type << 61, at: .pageTable).memoryType.rawValue == UInt8(type))
    }
    // 3 is reserved; without Svpbmt all are.
    #expect(format.decode(0x43 | 3 << 61, at: .pageTable) == .reserved(bits: 3 << 61))
    #expect(with { $0.hasMemoryTypes = false }.decode(0x43 | 2 << 61, at: .pageTable) == .reserved(bits: 2 << 61))
    #expect(format.policy(of: MemoryTypeIndex(rawValue: 0)) == .writeBack)
    #expect(format.policy(of: MemoryTypeIndex(rawValue: 1)) == nil)
    #expect(format.policy(of: MemoryTypeIndex(rawValue: 2)) == .uncacheable)
  }

  /// Svnapot: N, and PPN[3:0] = 0b1000, at the last level: 64 KiB. 0x8001_0000 >> 2 = 0x2000_4000; | 8 << 10.
  @Test func contiguousPages() {
    let entry: UInt64 = 0x8000_0000_2000_6043
    #expect(format.decode(entry, at: .pageTable) == .page(PhysicalAddress(0x8001_0000), .size64KiB))
    #expect(format.attributes(of: entry, at: .pageTable).isContiguous)
    // Any other PPN[3:0]: reserved, and N with it.
    #expect(format.decode(entry ^ 0xc << 10, at: .pageTable) == .reserved(bits: 1 << 63 | 4 << 10))
    #expect(format.decode(entry ^ 8 << 10, at: .pageTable) == .reserved(bits: 1 << 63))
    // Not above the last level, and not without Svnapot.
    #expect(format.decode(0x8000_0000_2008_0043, at: .pageDirectory) == .reserved(bits: 1 << 63))
    #expect(with { $0.hasContiguousPages = false }.decode(entry, at: .pageTable) == .reserved(bits: 1 << 63))
    // Alone again, the fourth member has PPN[3:0] = 3.
    #expect(format.grouping(entry, at: .pageTable, isMember: false, index: 3) == 0x2000_4c43)
    #expect(format.grouping(0x2000_4c43, at: .pageTable, isMember: true, index: 3) == entry)
    #expect(with { $0.hasContiguousPages = false }.contiguousCount(at: .pageTable) == 1)
  }

  /// 12.4.1 and 12.1.1.1 (SUM, MXR).
  @Test func rights() {
    func rights(_ leaf: UInt64, _ change: (inout RISCVControls) -> Void = { _ in }) -> EffectiveRights {
      with(change).rights(of: leaf, at: .pageTable, under: [])
    }
    #expect(rights(0xc7) == [.supervisorRead, .supervisorWrite])
    #expect(rights(0x4b) == [.supervisorRead, .supervisorExecute])
    // Execute-only, readable under MXR.
    #expect(rights(0x49) == .supervisorExecute)
    #expect(rights(0x49) { $0.executableIsReadable = true } == [.supervisorRead, .supervisorExecute])
    // U: S-mode neither touches it, but for SUM, nor ever executes it.
    #expect(rights(0xdf) == [.userRead, .userWrite, .userExecute])
    #expect(
      rights(0xdf) { $0.permitsUserAccess = true } == [
        .supervisorRead, .supervisorWrite, .userRead, .userWrite, .userExecute,
      ])
    // Without A nothing, without D no writes; a hart that sets them itself does not mind.
    #expect(rights(0x87) == [])
    #expect(rights(0x47) == .supervisorRead)
    #expect(rights(0x07) { $0.setsAccessedAndDirty = true } == [.supervisorRead, .supervisorWrite])
  }

  /// Another access changes R, W and X, and sets D where writes are granted; U, G, RSW and PBMT stay.
  @Test func grantingKeepsTheRest() {
    let leaf: UInt64 = 0x2000_0000_2008_0373
    #expect(format.granting(.readExecute, in: leaf, at: .pageTable) == 0x2000_0000_2008_037b)
    #expect(format.granting(.readWrite, in: leaf, at: .pageTable) == 0x2000_0000_2008_03f7)
    #expect(format.granting(.read, in: 0xcf, at: .pageTable) == 0xc3)
  }
}
