import AddressSpace
import Addresses
import PageTables
import Reporting
import Testing

/// Names and numbers of the reports of `perch walk`.
@Suite struct WalkReportTests {
  /// Intel SDM vol. 3A, table 12-12 (after reset), and Linux's value (arch/x86/mm/pat/memtype.c, pat_bp_init).
  @Test(
    arguments: [
      (0x0007_0406_0007_0406, ["WB", "WT", "UC-", "UC", "WB", "WT", "UC-", "UC"]),
      (0x0407_0506_0007_0106, ["WB", "WC", "UC-", "UC", "WB", "WP", "UC-", "WT"]),
      (nil, ["WB", nil, "UC-", "UC", "WB", nil, "UC-", nil]),
    ] as [(UInt64?, [String?])])
  func memoryTypesOfThePAT(pat: UInt64?, names: [String?]) {
    let types = MemoryTypeNames.pat(pat)
    #expect((0..<8).map { types.name(of: MemoryTypeIndex(rawValue: $0)) } == names)
  }

  /// Linux's MAIR_EL1 (arch/arm64/mm/proc.S): Device-nGnRnE, Device-nGnRE, NC, normal, tagged; Arm ARM, MAIR_EL1.
  @Test func memoryTypesOfMAIR() {
    let types = MemoryTypeNames.mair(0x4f_bb_0c_f0_ff_44_04_00)
    #expect(
      (0..<8).map { types.name(of: MemoryTypeIndex(rawValue: $0)) } == [
        "Device-nGnRnE", "Device-nGnRE", "NC", "WB", "Tagged WB", "Device-GRE", "WT", "outer NC, inner WB",
      ])
    #expect(MemoryTypeNames.mair(nil).name(of: MemoryTypeIndex(rawValue: 0)) == nil)
  }

  @Test func memoryTypesOfPBMT() {
    #expect(
      (0..<4).map { MemoryTypeNames.pbmt.name(of: MemoryTypeIndex(rawValue: $0)) } == ["PMA", "NC", "IO", "reserved"])
  }

  @Test func aCollectorKeepsItsLimitAndCountsTheRest() {
    // PML4 to PT in four frames; eight pages of which every second is there, R/W and without NX.
    var bytes = [UInt8](repeating: 0, count: 0x4000)
    for (offset, entry) in [(0, 0x1003), (0x1000, 0x2003), (0x2000, 0x3003)] {
      (bytes[offset], bytes[offset + 1]) = (UInt8(entry & 0xff), UInt8(entry >> 8))
    }
    for index in stride(from: 0, to: 8, by: 2) { bytes[0x3000 + index * 8] = 3 }
    let base = PhysicalAddress(0)
    let tables = TranslationTables(
      format: X86_64Format(), memory: BytesTableMemory(base: base, bytes: bytes), root: base)
    var found = RunCollector(limit: 3)
    let summary = tables.visit(&found)
    #expect(summary.visitedTables == 4)
    #expect(found.runs.count == 3)
    #expect(found.runCount == 4)
    #expect(found.writableExecutableRuns == 4)
    #expect(found.mappedBytes == 0x4000)
  }
}
