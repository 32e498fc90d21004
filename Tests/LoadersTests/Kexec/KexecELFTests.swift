import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// What kexec-tools 2.0.25 was seen to do, and its source where nothing was run.
@Suite struct KexecELFTests {
  private let machine = LoaderRequest(ramRanges: [0x1000..<0x9_f000, 0x10_0000..<0x6_4000_0000])
  private let higherHalf: UInt64 = 0xffff_ffff_8000_0000

  private func kexec(_ builder: ELFBuilder, _ arguments: Kexec.Arguments = .elf) -> LoaderOutcome {
    builder.build().withRawSpan { Kexec.load($0, machine, arguments: arguments) }
  }

  private func kernel(physical: UInt64, bytes: Int = 0x1000, memory: UInt64? = nil) -> ELFBuilder {
    ELFBuilder(entry: 0x20_0000).segment(
      virtual: higherHalf + physical & 0x7fff_ffff, physical: physical, bytes: .init(repeating: 0x90, count: bytes),
      memorySize: memory)
  }

  /// Observed: 0x40000000+0x39b000, 0x40400000+0xe4000, 0x40800000+0xf000.
  @Test func openSolaris64() throws {
    let prediction = try #require(kexec(OpenSolarisTwin.bits64).loadedPrediction)
    #expect(
      prediction.extentsByStart == [
        [0x4000_0000, 0x39_b000], [0x4040_0000, 0xe_4000], [0x4080_0000, 0xf000],
      ])
    #expect(prediction.entry.mode == .long64)
    #expect(prediction.entry.address == 0x4080_0000)
  }

  /// Observed: 0x40000000+0x2ab000, 0x40400000+0x95000, 0x40800000+0xf000, as multiboot-x86.
  @Test func openSolaris32() throws {
    let prediction = try #require(kexec(OpenSolarisTwin.bits32).loadedPrediction)
    #expect(
      prediction.extentsByStart == [
        [0x4000_0000, 0x2a_b000], [0x4040_0000, 0x9_5000], [0x4080_0000, 0xf000],
      ])
    #expect(prediction.reading == "multiboot-x86, ELF32")
    #expect(prediction.entry.mode == .protected32)
    #expect(prediction.entry.registers.first == .init("eax", 0x2bad_b002, "Multiboot magic"))
  }

  /// Observed with --args-none: entry=0xffffffff80200000.
  @Test func entryIsVerbatim() throws {
    let image = ELFBuilder(entry: higherHalf + 0x20_0000)
      .segment(virtual: higherHalf + 0x20_0000, physical: 0x20_0000, bytes: [0xeb, 0xfe])
    let prediction = try #require(kexec(image, .none).loadedPrediction)
    #expect(prediction.entry.address == 0xffff_ffff_8020_0000)
    #expect(prediction.hasRemark(.entryOutsideImage))
  }

  /// The end of the table, e_phoff + e_phnum * 56, wraps to 0: kexec compares that with the file's size alone.
  @Test func aTableWhoseEndWrapsIsReadFromOutsideTheFile() {
    var bytes = kernel(physical: 0x20_0000).build()
    let offset = 0 &- UInt64(56)
    bytes.replaceSubrange(0x20..<0x28, with: (0..<8).map { UInt8(truncatingIfNeeded: offset >> (8 * $0)) })
    let outcome = bytes.withRawSpan { Kexec.load($0, machine, arguments: .elf) }
    #expect(outcome.statedMisbehaviour?.effect == "reads outside the file")
    #expect(outcome.statedMisbehaviour?.evidence == "e_phoff 0xffffffffffffffc8, e_phnum 1")
  }

  /// Observed for both addresses.
  @Test(arguments: [(0x20_0123, "0x200123"), (0x20_0800, "0x200800")] as [(UInt64, String)])
  func unalignedIsFatal(physical: UInt64, text: String) {
    let refusal = kexec(kernel(physical: physical)).statedRefusal
    #expect(refusal?.words == "Base address: \(text) is not page aligned")
    #expect(refusal?.evidence == "program header 0, p_paddr \(text)")
  }

  /// Observed: segments above 4 GiB are fine, bufsz 0x1000 for a file size of 0x2000 and a memory size of 0x1000.
  @Test func highAndCut() throws {
    let high = try #require(kexec(kernel(physical: 0x1_0020_0000)).loadedPrediction)
    #expect(high.placesByStart == [[0x1_0020_0000, 0x1000, 0]])
    let cut = try #require(kexec(kernel(physical: 0x20_0000, bytes: 0x2000, memory: 0x1000)).loadedPrediction)
    #expect(cut.placesByStart == [[0x20_0000, 0x1000, 0]])
  }

  /// Observed: overlapping segments are fatal. Ends are those of whole pages: 0x200000 + up(0x1001, 0x1000).
  @Test func overlapIsFatal() {
    let image = kernel(physical: 0x20_0000, bytes: 0x1001)
      .segment(virtual: 0x20_1000, physical: 0x20_1000, bytes: [1])
    #expect(kexec(image).statedRefusal?.words == "Overlapping memory segments at 0x202000")
    #expect(kexec(image, .none).statedRefusal?.words == "Overlapping memory segments at 0x202000")
  }

  /// Observed: the probe fails, and no other file type wants the file.
  @Test func wrapIsNoFileType() {
    let refusal = kexec(kernel(physical: 0xffff_ffff_ffff_f000, memory: 0x2000)).statedRefusal
    #expect(refusal?.words == "Cannot determine the file type of kernel")
    #expect(refusal?.evidence.contains("p_paddr 0xfffffffffffff000, p_memsz 0x2000: ELF address wrap around") == true)
  }

  /// Observed for elf-x86_64 and multiboot-x86.
  @Test func entryOutsideIsAccepted() throws {
    let image = ELFBuilder(entry: 0x9000_0000).segment(virtual: 0x20_0000, bytes: [1])
    let prediction = try #require(kexec(image).loadedPrediction)
    #expect(prediction.entry.address == 0x9000_0000)
    #expect(prediction.hasRemark(.entryOutsideImage))
    let multiboot = ELFBuilder(class: .bits32, machine: .i386, entry: 0x9000_0000)
      .segment(virtual: 0x20_0000, bytes: [0x02, 0xb0, 0xad, 0x1b, 0, 0, 0, 0, 0xfe, 0x4f, 0x52, 0xe4])
    let second = try #require(kexec(multiboot).loadedPrediction)
    #expect(second.reading == "multiboot-x86, ELF32")
    #expect(second.entry.address == 0x9000_0000)
    #expect(second.hasRemark(.entryOutsideImage))
  }

  @Test func zeroTailReachesThePage() throws {
    // up(0x1801, 0x1000) = 0x2000; 0x2000 - 0x10 zeros behind 0x10 bytes.
    let prediction = try #require(kexec(kernel(physical: 0x20_0000, bytes: 0x10, memory: 0x1801)).loadedPrediction)
    #expect(prediction.placesByStart == [[0x20_0000, 0x10, 0x1ff0]])
  }

  @Test func notInMemory() {
    let refusal = kexec(kernel(physical: 0x9_f000)).statedRefusal
    #expect(refusal?.words == "Invalid memory segment 0x9f000 - 0x9ffff")
  }

  @Test func dynamicMovesWhereMemoryDoesNotHoldIt() throws {
    let image = ELFBuilder(type: .shared, entry: 0x100)
      .segment(virtual: 0, bytes: .init(repeating: 0x90, count: 0x2000), alignment: 0x1000)
    // RAM starts at 0x1000, so [0, 0x2000] is not in it; the lowest hole of 0x2001 bytes is there, base = 0x1000 - 0.
    let moved = try #require(kexec(image).loadedPrediction)
    #expect(moved.extentsByStart == [[0x1000, 0x2000]])
    #expect(moved.entry.address == 0x1100)
    // p_align 2 MiB: up(0x1000, 2 MiB) lies behind 0x9f000; up(0x100000, 2 MiB) is 0x200000.
    let aligned = ELFBuilder(type: .shared, entry: 0x100)
      .segment(virtual: 0, bytes: [UInt8](repeating: 0x90, count: 0x2000), alignment: 0x20_0000)
    #expect(try #require(kexec(aligned).loadedPrediction).extentsByStart == [[0x20_0000, 0x2000]])
    let held = ELFBuilder(type: .shared, entry: 0x20_0100).segment(virtual: 0x20_0000, bytes: [1])
    #expect(try #require(kexec(held).loadedPrediction).entry.address == 0x20_0100)
  }

  /// The end is compared as if it were the last byte: [0x9e000, 0x9f000] leaves RAM, which ends at 0x9efff.
  @Test func dynamicAtTheEndOfMemoryMoves() throws {
    let image = ELFBuilder(type: .shared, entry: 0x9_e000)
      .segment(virtual: 0x9_e000, bytes: .init(repeating: 0x90, count: 0x1000))
    #expect(try #require(kexec(image).loadedPrediction).extentsByStart == [[0x1000, 0x1000]])
  }

  @Test func modulesAndArguments() {
    var request = machine
    request.modules = [.init(name: "initrd", size: .init(0x1000))]
    let image = kernel(physical: 0x20_0000).build()
    let elf = image.withRawSpan { Kexec.load($0, request) }
    #expect(elf.statedRefusal?.words == "Ramdisks not supported with generic elf arguments")
    let none = image.withRawSpan { Kexec.load($0, request, arguments: .none) }
    #expect(none.loadedPrediction?.hasRemark(.moduleIgnored) == true)
    let linux = image.withRawSpan { Kexec.load($0, request, arguments: .linux) }
    #expect(linux.loadedPrediction?.entry.registers.contains(.init("rbx", 0, "bootstrap processor")) == true)
  }

  @Test func segmentLimit() {
    var image = ELFBuilder(entry: 0x20_0000)
    for index in 0..<16 { image = image.segment(virtual: 0x20_0000 + UInt64(index) * 0x1000, bytes: [1]) }
    // Purgatory and the notes make 18.
    #expect(kexec(image).statedRefusal?.words == "kexec_load failed: Invalid argument")
    #expect(kexec(image, .none).loadedPrediction != nil)
  }

  @Test func bigEndianFieldsAreRead() throws {
    let image = ELFBuilder(byteOrder: .big, entry: 0x20_0000).segment(virtual: 0x20_0000, bytes: [1, 2])
    #expect(try #require(kexec(image).loadedPrediction).placesByStart == [[0x20_0000, 2, 0xffe]])
  }

  /// The sum of offset and size is taken modulo 2⁶⁴: 0xffffffffffffff00 + 0x200 = 0x100, which is in the file.
  @Test func wildOffsetIsNotFed() {
    var bytes = kernel(physical: 0x20_0000).build()
    bytes.replaceSubrange(72..<80, with: [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    bytes.replaceSubrange(96..<104, with: [0, 2, 0, 0, 0, 0, 0, 0])
    #expect(bytes.withRawSpan { Kexec.load($0, machine) }.statedMisbehaviour != nil)
  }
}
