import Addresses
import KernelImage
import TestSupport
import Testing

/// DT_RELA, DT_JMPREL and DT_RELR lead to file ranges (gABI ch. 5); RELR words are counted as the gABI packs them.
@Suite("Dynamic relocations")
struct DynamicRelocationTests {
  private func words(_ values: [UInt64]) -> [UInt8] {
    values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (UInt64($0) * 8)) } }
  }

  /// One PT_LOAD at 0x10000: at 0 the dynamic table, at 0x100 three RELA entries, at 0x180 two RELR words.
  private func image(_ tags: [(UInt64, UInt64)]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 0x200)
    let table = words(tags.flatMap { [$0.0, $0.1] } + [0, 0])
    bytes.replaceSubrange(0..<table.count, with: table)
    return ELFBuilder(type: .shared).segment(virtual: 0x1_0000, bytes: bytes, memorySize: 0x1000)
      .segment(type: .dynamic, partOf: 0, offset: 0, count: UInt64(table.count)).build()
  }

  private func relocations(_ bytes: [UInt8]) throws(ParseError) -> (rela: [FileRange], relr: [FileRange]) {
    try bytes.withRawSpan { raw throws(ParseError) in try ELFFile(parsing: raw).dynamicRelocations(in: raw) }
  }

  private func error(_ tags: [(UInt64, UInt64)]) -> ParseError? {
    do {
      _ = try relocations(image(tags))
      return nil
    } catch { return error }
  }

  /// The segment's bytes start at 0x1000, the first offset behind the headers that is congruent to 0x10000.
  private func range(_ offset: UInt64, _ count: UInt64) -> FileRange {
    FileRange(uncheckedStart: FileOffset(0x1000 + offset), count: ByteCount(count))
  }

  @Test func tablesAreFound() throws {
    let found = try relocations(
      image([(7, 0x1_0100), (8, 72), (9, 24), (36, 0x1_0180), (35, 16), (37, 8)]))
    #expect(found.rela == [range(0x100, 72)])
    #expect(found.relr == [range(0x180, 16)])
  }

  @Test func linkageTable() throws {
    let apart = try relocations(image([(7, 0x1_0100), (8, 48), (9, 24), (23, 0x1_0130), (2, 24), (20, 7)]))
    #expect(apart.rela == [range(0x100, 48), range(0x130, 24)])
    // Some linkers make DT_JMPREL the tail of DT_RELA.
    let inside = try relocations(image([(7, 0x1_0100), (8, 72), (9, 24), (23, 0x1_0130), (2, 24), (20, 7)]))
    #expect(inside.rela == [range(0x100, 72)])
  }

  @Test func nothingToDo() throws {
    let plain = try relocations(ELFBuilder().segment(bytes: [1]).build())
    #expect(plain.rela.isEmpty && plain.relr.isEmpty)
    let empty = try relocations(image([(7, 0), (8, 0), (9, 24)]))
    #expect(empty.rela.isEmpty)
  }

  @Test(
    arguments: [
      ([(7, 0x1_0100)], "DT_RELA"), ([(7, 0x1_0100), (8, 70), (9, 24)], "DT_RELASZ"),
      ([(7, 0x1_0100), (8, 72), (9, 16)], "DT_RELAENT"), ([(7, 0x1_0100), (8, 0x120), (9, 24)], "DT_RELA"),
      ([(7, 0xffff_ffff_ffff_fff8), (8, 24)], "DT_RELA"), ([(36, 0x1_0180), (35, 12)], "DT_RELRSZ"),
      ([(36, 0x9_0180), (35, 16)], "DT_RELR"), ([(17, 0x1_0100), (18, 16)], "DT_REL"),
      ([(23, 0x1_0100), (2, 24), (20, 17)], "DT_PLTREL"),
    ] as [([(UInt64, UInt64)], String)])
  func brokenTagsAreNamed(tags: [(UInt64, UInt64)], field: String) {
    #expect(error(tags)?.field == field)
  }

  @Test func packedRelocationsAreCounted() throws {
    // 0x10000 is a place; the bitmap 0b1011 behind it names two more (bits 1 and 3); 0x20000 is a fourth.
    let bytes = ELFBuilder().section(
      ".relr.dyn", type: .packedRelocations, bytes: words([0x1_0000, 0b1011, 0x2_0000]), entrySize: 8
    ).build()
    let sections = try bytes.withRawSpan { raw throws(ParseError) in
      try ELFFile(parsing: raw).relocationSections(in: raw)
    }
    #expect(sections.map(\.kind) == [.relr])
    #expect(sections[0].entryCount == 3)
    #expect(sections[0].placeCount == 4)
  }

  @Test func relocationTypes() {
    #expect(RelocationType.relative(on: .x86_64)?.rawValue == 8)
    #expect(RelocationType.relative(on: .aarch64)?.rawValue == 1027)
    #expect(RelocationType.relative(on: .riscv)?.rawValue == 3)
    #expect(RelocationType.relative(on: .s390) == nil)
    #expect(RelocationType(rawValue: 11).name(on: .x86_64) == "R_X86_64_32S")
    #expect(RelocationType(rawValue: 39).name(on: .x86_64) == "type 0x27")
    #expect(RelocationType(rawValue: 0x1234).name(on: .mips) == "type 0x1234")
  }
}
