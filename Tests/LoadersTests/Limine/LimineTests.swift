import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// Expectations from the sources of Limine 8 (common/lib/elf.c).
@Suite struct LimineTests {
  private let machine = LoaderRequest(ramRanges: [0x10_0000..<0x8000_0000])
  private let top: UInt64 = 0xffff_ffff_8000_0000

  private func load(_ builder: ELFBuilder, _ choices: Limine.Choices = .init()) -> LoaderOutcome {
    builder.build().withRawSpan { Limine.load($0, machine, choices: choices) }
  }

  private func bytes(_ count: Int) -> [UInt8] { .init(repeating: 0x90, count: count) }

  /// The segment that runs first is linked at 0x40800000.
  @Test func openSolarisIsInTheLowerHalf() {
    let refusal = load(OpenSolarisTwin.bits64).statedRefusal
    #expect(refusal?.words == "elf: Lower half PHDRs are not allowed")
    #expect(refusal?.evidence == "program header 0, p_vaddr 0x40800000")
  }

  /// Without it: 0xfffffffffbce36c0 - 0xfffffffffb800000 = 0x4e36c0 bytes.
  @Test func placesByVirtualAddress() throws {
    let image = ELFBuilder(entry: 0xffff_ffff_fb80_0000)
      .segment(virtual: 0xffff_ffff_fb80_0000, physical: 0x123, bytes: bytes(0x39_adca))
      .segment(virtual: 0xffff_ffff_fbc0_0000, physical: 0x4040_0000, bytes: bytes(0x2_0fe9), memorySize: 0xe_36c0)
    let prediction = try #require(load(image, .init(physicalBase: .init(0x1000_0000))).loadedPrediction)
    #expect(prediction.pieces.first?.extent.count.value == 0x4e_36c0)
    #expect(prediction.pieces[1].destination.start.value == 0x1000_0000)
    #expect(prediction.pieces[2].destination.start.value == 0x1040_0000)
    #expect(prediction.pieces[2].zeroFill.value == 0xe_36c0 - 0x2_0fe9)
    #expect(prediction.entry.address == 0xffff_ffff_fb80_0000)
    #expect(prediction.entry.registers.contains(.init("rdi", 0, "cleared")))
    // The stand-in: down(0x80000000 - 0x4e36c0, 0x1000) = 0x7fb1c000.
    let standIn = try #require(load(image).loadedPrediction)
    #expect(standIn.pieces.first?.destination.start.value == 0x7fb1_c000)
  }

  @Test func identityRefusals() {
    func words(_ offset: Int, _ value: [UInt8]) -> String? {
      var image = ELFBuilder(entry: top).segment(virtual: top, bytes: bytes(16)).build()
      image.replaceSubrange(offset..<offset + value.count, with: value)
      return image.withRawSpan { Limine.load($0, machine) }.statedRefusal?.words
    }
    #expect(words(1, [0]) == "elf: Not a valid ELF file.")
    #expect(words(5, [2]) == "elf: Not a Little-endian ELF file.")
    #expect(words(18, [183]) == "elf: Not an x86-64 ELF file.")
    #expect(words(16, [1]) == "elf: ELF file not of type ET_EXEC nor ET_DYN")
    #expect(words(16, [3]) == "elf: ELF file type is ET_DYN, but PT_DYNAMIC segment missing")
    #expect(words(54, [55]) == "elf: phdr_size < sizeof(struct elf64_phdr)")
    #expect(words(56, [0]) == "elf: Executable has no loadable segments")
    // p_align 0 of the only segment gives the same text.
    #expect(words(64 + 48, [0, 0]) == "elf: Executable has no loadable segments")
  }

  @Test func overlapAndSharedPages() {
    let overlap = ELFBuilder(entry: top).segment(virtual: top, bytes: bytes(0x2000))
      .segment(virtual: top + 0x1000, bytes: bytes(0x10))
    #expect(
      load(overlap).statedRefusal?.words
        == "elf: Attempted to load ELF file with overlapping PHDRs (0 and 1 overlap)")
    let shared = ELFBuilder(entry: top).segment(flags: [.read], virtual: top, bytes: bytes(0x10))
      .segment(flags: [.read, .write], virtual: top + 0x800, bytes: bytes(0x10))
    #expect(
      load(shared).statedRefusal?.words
        == "elf: Attempted to load ELF file with PHDRs with different permissions sharing the same memory page.")
    let alike = ELFBuilder(entry: top).segment(flags: [.read], virtual: top, bytes: bytes(0x10))
      .segment(flags: [.read], virtual: top + 0x800, bytes: bytes(0x10))
    #expect(load(alike).loadedPrediction != nil)
    let long = ELFBuilder(entry: top).segment(virtual: top, bytes: bytes(0x2000), memorySize: 0x1000)
    #expect(load(long).statedRefusal?.words == "elf: p_filesz > p_memsz")
  }

  private func dynamic(_ addresses: [UInt64]) -> ELFBuilder {
    var image = ELFBuilder(type: .shared, entry: addresses[0] + 4)
    for address in addresses { image = image.segment(virtual: address, bytes: bytes(0x1000)) }
    return image.segment(type: .dynamic, partOf: 0, offset: 0, count: 16)
  }

  @Test func slides() throws {
    // All lower: slide = 0xffffffff80000000 - 0x200000, which moves the entry 0x200004 to the half's start plus 4.
    #expect(try #require(load(dynamic([0x20_0000])).loadedPrediction).entry.address == top + 4)
    #expect(try #require(load(dynamic([top])).loadedPrediction).entry.address == top + 4)
    #expect(
      load(dynamic([0x20_0000, top])).statedRefusal?.words
        == "elf: Mix of lower and higher half PHDRs in relocatable kernel")
    // 0x12345678 & ~0xfff = 0x12345000.
    let random = try #require(load(dynamic([top]), .init(draws: [0x1234_5678])).loadedPrediction)
    #expect(random.entry.address == 0xffff_ffff_9234_5004)
    // 0xffffffff80000000 + 0xfffff000 + 0x1000 wraps: the next number counts; none left is the end.
    let second = try #require(load(dynamic([top]), .init(draws: [0xffff_f000, 0x1000])).loadedPrediction)
    #expect(second.entry.address == top + 0x1004)
    #expect(
      load(dynamic([top]), .init(draws: [0xffff_f000])).statedRefusal?.words == "elf: Image wants to load too high")
  }

  @Test func revisionTagStandsOnce() {
    let tag: [UInt8] = [
      0xc8, 0xa6, 0x95, 0x5c, 0x2d, 0x2b, 0x56, 0xf9, 0xdc, 0x6b, 0x53, 0x44, 0x49, 0x38, 0x7b, 0x6a, 3, 0, 0, 0, 0, 0,
      0, 0,
    ]
    let once = ELFBuilder(entry: top).segment(virtual: top, bytes: tag)
    let twice = ELFBuilder(entry: top).segment(virtual: top, bytes: tag + tag)
    let unaligned = ELFBuilder(entry: top).segment(virtual: top, bytes: tag + [0, 0, 0, 0] + tag)
    #expect(load(once).loadedPrediction != nil)
    #expect(load(twice).statedRefusal?.words == "limine: Duplicated base revision tag")
    #expect(load(unaligned).loadedPrediction != nil)
  }

  @Test func nothingKnowsWhereTheFileEnds() {
    let image = ELFBuilder(entry: top).segment(virtual: top, bytes: bytes(0x1000)).build()
    let cut = Array(image.dropLast(1))
    #expect(cut.withRawSpan { Limine.load($0, machine) }.statedMisbehaviour != nil)
  }
}
