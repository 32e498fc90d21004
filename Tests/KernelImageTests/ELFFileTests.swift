import Addresses
import KernelImage
import TestSupport
import Testing

/// The rules of the gABI that a file must keep, and the error that names the field when it does not.
@Suite("ELF files")
struct ELFFileTests {
  private func parse(_ bytes: [UInt8]) throws(ParseError) -> ELFFile {
    try bytes.withRawSpan { raw throws(ParseError) in try ELFFile(parsing: raw) }
  }

  private func error(_ bytes: [UInt8]) -> ParseError? {
    do {
      _ = try parse(bytes)
      return nil
    } catch { return error }
  }

  private let code: [UInt8] = Array(repeating: 0x90, count: 64)
  private var plain: ELFBuilder {
    ELFBuilder(entry: 0x20_0000).segment(flags: [.read, .execute], virtual: 0x20_0000, bytes: code)
  }

  @Test func segmentsKeepWhatWasWritten() throws {
    let bytes = plain.segment(virtual: 0x40_0010, physical: 0x80_0010, bytes: [7, 8], memorySize: 0x100).build()
    let elf = try parse(bytes)
    #expect(elf.header.entry.value == 0x20_0000)
    #expect(elf.loadSegments.count == 2)
    let second = elf.programHeaders[1]
    // 64 bytes of header, then 56 of program header 0.
    #expect(second.headerOffset.value == 64 + 56)
    #expect(second.flags == [.read, .write])
    #expect(second.virtualAddress.value == 0x40_0010)
    #expect(second.physicalAddress == 0x80_0010)
    #expect(second.memorySize.value == 0x100)
    let start = Int(second.fileRange.start.value)
    #expect(Array(bytes[start..<start + 2]) == [7, 8])
    #expect(start % 0x1000 == 0x10)
    #expect(elf.structuralEnd.value == UInt64(start + 2))
  }

  @Test func structuralEndIsBehindTheSectionTable() throws {
    let bytes = plain.section(".text", bytes: [1, 2, 3]).build()
    #expect(try parse(bytes).structuralEnd.value == UInt64(bytes.count))
    #expect(try parse(bytes + [0, 0, 0, 0]).structuralEnd.value == UInt64(bytes.count))
  }

  @Test func linkAddressesAreFoundInTheFile() throws {
    let elf = try parse(plain.segment(virtual: 0x40_0000, bytes: [1, 2, 3, 4], memorySize: 64).build())
    let start = elf.programHeaders[1].fileRange.start.value
    func find(_ address: UInt64, _ count: UInt64) -> UInt64? {
      elf.fileRange(of: LinkRange(start: LinkAddress(address), count: ByteCount(count))!)?.start.value
    }
    #expect(find(0x40_0001, 3) == start + 1)
    // One byte of .bss: in memory, but not in the file.
    #expect(find(0x40_0001, 4) == nil)
    #expect(find(0x3f_ffff, 1) == nil)
    #expect(find(.max, 1) == nil)
  }

  /// Places are those of Elf64_Ehdr (gABI ch. 4) and of Elf64_Phdr behind it, at 64.
  @Test(
    arguments: [
      (0, [0x7e], "EI_MAG"), (4, [3], "EI_CLASS"), (5, [0], "EI_DATA"), (6, [2], "EI_VERSION"), (20, [2], "e_version"),
      (32, [0xff, 0xff, 0xff], "e_phoff"), (39, [0xff], "e_phoff"), (52, [63], "e_ehsize"), (54, [57], "e_phentsize"),
      (64 + 8, [0, 0, 0, 1], "program header 0: p_offset"), (64 + 15, [0xff], "program header 0: p_offset"),
      (64 + 32, [65], "program header 0: p_filesz"), (64 + 39, [0xff], "program header 0: p_filesz"),
      (64 + 40, [63], "program header 0: p_filesz"),
      (64 + 40, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "program header 0: p_memsz"),
    ] as [(Int, [UInt8], String)])
  func brokenFieldsAreNamed(offset: Int, patch: [UInt8], field: String) {
    var bytes = plain.build()
    bytes.replaceSubrange(offset..<offset + patch.count, with: patch)
    #expect(error(bytes)?.field == field)
  }

  @Test func errorsCarryTheEvidence() {
    var bytes = plain.build()
    bytes[64 + 8 + 2] = 0x10
    let found = error(bytes)
    #expect(found?.code == .outsideFile)
    #expect(found?.offset.value == 64 + 8)
    // The segment stood at 0x1000: congruent to 0x200000, behind 64 + 56 bytes of headers.
    #expect(found?.found == 0x10_1000)
    guard case .atMost(let size)? = found?.allowed else {
      Issue.record("allowed is no upper bound")
      return
    }
    #expect(size == UInt64(bytes.count))
  }

  @Test func aSegmentMayEndAtTheTopOfTheSpace() throws {
    let top = plain.segment(virtual: 0xffff_ffff_ffff_f000, memorySize: 0x1000).build()
    #expect(try parse(top).programHeaders[1].linkRange?.endValue == 0)
    let beyond = plain.segment(virtual: 0xffff_ffff_ffff_f000, memorySize: 0x1001).build()
    #expect(error(beyond)?.field == "program header 1: p_memsz")
    let narrow = ELFBuilder(class: .bits32, machine: .i386).segment(virtual: 0xffff_f000, memorySize: 0x1001).build()
    #expect(error(narrow)?.field == "program header 0: p_memsz")
  }

  @Test func sectionsMustLieInside() throws {
    let file = plain.section(".text", bytes: [1, 2, 3]).section(".bss", type: .noBits, size: 1 << 40)
    let bytes = file.build()
    let elf = try parse(bytes)
    #expect(elf.sectionHeaders.count == 4)
    #expect(elf.sectionHeaders[2].fileRange.isEmpty)
    let header = Int(elf.sectionHeaders[1].headerOffset.value)
    for (offset, field) in [(24, "sh_offset"), (32, "sh_size")] {
      var broken = bytes
      broken[header + offset + 7] = 0x7f
      #expect(error(broken)?.field == "section header 1: \(field)")
    }
    var names = bytes
    names[62] = 4
    #expect(error(names)?.field == "e_shstrndx")
    var size = bytes
    size[58] = 63
    #expect(error(size)?.field == "e_shentsize")
  }

  @Test func sectionsAreFoundByWholeNames() throws {
    let bytes = plain.section(".text.hot", bytes: [1]).section(".text", bytes: [2]).build()
    let elf = try parse(bytes)
    bytes.withRawSpan { raw in
      #expect(elf.section(named: ".text", in: raw)?.index == 2)
      #expect(elf.section(named: ".tex", in: raw) == nil)
      #expect(elf.name(of: elf.sectionHeaders[1], in: raw) == ".text.hot")
      #expect(elf.name(of: elf.sectionHeaders[0], in: raw) == "")
    }
  }

  /// PN_XNUM: e_phnum is 0xffff, the count is in section 0's sh_info.
  @Test func extendedProgramHeaderCount() throws {
    var file = ELFBuilder()
    for _ in 0..<65_536 { file.append(segment: .null) }
    let elf = try parse(file.build())
    #expect(elf.header.programHeaderCount == 0xffff)
    #expect(elf.programHeaders.count == 65_536)
    var tooMany = file.build()
    // sh_info of section 0, 44 bytes into Elf64_Shdr.
    let info = Int(elf.header.sectionHeaderOffset) + 44
    tooMany.replaceSubrange(info..<info + 4, with: [1, 0, 1, 0])
    #expect(error(tooMany)?.code == .tooMany)
    #expect(error(tooMany)?.field == "section header 0: sh_info")
  }

  /// e_shnum 0 and e_shstrndx SHN_XINDEX: both are in section 0.
  @Test func extendedSectionCount() throws {
    var file = ELFBuilder()
    for _ in 0..<0xff00 { file.append(section: ".s") }
    let bytes = file.build()
    let elf = try parse(bytes)
    #expect(elf.header.sectionHeaderCount == 0)
    #expect(elf.header.sectionNameTableIndex == 0xffff)
    // The empty section 0 and the name table come with them.
    #expect(elf.sectionHeaders.count == 0xff00 + 2)
    #expect(elf.sectionNameTable == 0xff01)
    #expect(bytes.withRawSpan { elf.name(of: elf.sectionHeaders[0xff00], in: $0) } == ".s")
  }
}
