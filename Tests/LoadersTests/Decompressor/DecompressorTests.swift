import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// Expectations from arch/x86/boot/compressed/{misc.c,kaslr.c} of Linux 6.6.
@Suite struct DecompressorTests {
  private static let link: UInt64 = 0xffff_ffff_8100_0000
  private let machine = LoaderRequest(ramRanges: [0..<0x9_f000, 0x10_0000..<0x1000_0000])

  /// Two segments, the first with 3 MiB of bss behind it, as a kernel's are: each is moved down by what lies before it.
  private func kernel(alignment: UInt64 = 0x20_0000) -> ELFBuilder {
    ELFBuilder(entry: 0x100_0010)
      .segment(
        virtual: Self.link, physical: 0x100_0000, bytes: .init(repeating: 0x90, count: 0x2000), alignment: alignment
      )
      .segment(
        virtual: Self.link + 0x20_0000, physical: 0x120_0000, bytes: .init(repeating: 1, count: 0x1000),
        memorySize: 0x30_0000, alignment: alignment)
  }

  /// A payload with a table: 0, 64-bit places, 0, inverse places, 0, 32-bit places.
  private func payload(
    _ builder: ELFBuilder? = nil, wide: [UInt32] = [0x8100_0000], inverse: [UInt32] = [], narrow: [UInt32] = []
  ) -> [UInt8] {
    let words = [0] + wide + [0] + inverse + [0] + narrow
    return (builder ?? kernel()).build()
      + words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }

  private func load(
    _ payload: [UInt8], _ commandLine: String = "", _ change: (inout Decompressor.Setup) -> Void = { _ in }
  ) -> LoaderOutcome {
    var setup = Decompressor.Setup()
    change(&setup)
    var request = machine
    request.commandLine = commandLine
    return payload.withRawSpan { Decompressor.load($0, setup: setup, request) }
  }

  @Test func segmentsGoByPhysicalAddress() throws {
    let prediction = try #require(load(payload(), "quiet nokaslr").loadedPrediction)
    #expect(prediction.pieces.map(\.destination.start.value) == [0x100_0000, 0x120_0000])
    #expect(prediction.pieces.map(\.extent.count.value) == [0x2000, 0x1000], "nothing is cleared")
    #expect(prediction.entry.address == 0x100_0010)
    #expect(prediction.remarks.isEmpty)
    // Loaded at 0x3345678: the next 2 MiB are at 0x3400000, and the image moves as a whole, by 0x2400000.
    let high = try #require(
      load(payload(), "nokaslr") { $0.loadAddress = PhysicalAddress(0x334_5678) }.loadedPrediction)
    #expect(high.pieces.map(\.destination.start.value) == [0x340_0000, 0x360_0000])
    #expect(high.entry.address == 0x340_0010)
  }

  @Test func withoutTableNothingIsDrawn() throws {
    #expect(try #require(load(kernel().build()).loadedPrediction).remarks.isEmpty)
    #expect(try #require(load(payload()).loadedPrediction).remarks.map(\.kind) == [.unspecified, .unspecified])
  }

  @Test func wordsOfRefusals() {
    var bytes = payload()
    bytes[0] = 0x7e
    #expect(load(bytes).statedRefusal?.words == "Kernel is not a valid ELF file")
    #expect(load([]).statedRefusal?.words == "Kernel is not a valid ELF file")
    let small = payload(kernel(alignment: 0x10_0000))
    #expect(load(small).statedRefusal?.words == "Alignment of LOAD segment isn't multiple of 2MB")
    #expect(load(payload(kernel(alignment: 0)), "nokaslr").loadedPrediction != nil, "0 is a multiple")
    // 0x2100000 is a multiple of kernel_alignment, but not of 2 MiB.
    let odd = load(payload()) { ($0.alignment, $0.loadAddress) = (0x10_0000, PhysicalAddress(0x210_0000)) }
    #expect(odd.statedRefusal?.words == "Destination physical address inappropriately aligned")
    let linked = load(payload()) {
      $0.linkedAddress = 0x110_0000; $0.loadAddress = PhysicalAddress(0x200_0000)
    }
    #expect(linked.statedRefusal?.words == "Destination virtual address inappropriately aligned")
    let far = load(payload()) { $0.loadAddress = PhysicalAddress(1 << 46) }
    #expect(far.statedRefusal?.words == "Destination address too large")
  }

  /// 1170 headers of 56 bytes are 65520 bytes, 1171 are 65576: more than 65536.
  @Test func programHeadersGoToTheHeap() {
    func refusal(_ count: UInt16, _ heap: UInt64 = 0x1_0000) -> String? {
      var bytes = payload(kernel()) + [UInt8](repeating: 0, count: 0x2_0000)
      bytes[56] = UInt8(truncatingIfNeeded: count)
      bytes[57] = UInt8(count >> 8)
      return load(bytes, "nokaslr") { $0.heapSize = heap }.statedRefusal?.words
    }
    #expect(refusal(1171) == "Failed to allocate space for phdrs")
    #expect(refusal(1171, 0x3_0000) == nil)
    #expect(refusal(1170) == nil)
  }

  /// 16 MiB + room must not exceed 1 GiB with a table (CONFIG_RANDOMIZE_BASE), 512 MiB without.
  @Test func kernelMappingArea() {
    func words(_ end: UInt64, table: Bool) -> String? {
      let builder = ELFBuilder(entry: 0x100_0000)
        .segment(virtual: Self.link, physical: 0x100_0000, bytes: [1], memorySize: end - 0x100_0000, alignment: 0)
      return load(table ? payload(builder) : builder.build()).statedRefusal?.words
    }
    let beyond = "Destination virtual address is beyond the kernel mapping area"
    #expect(words(0x4000_0000, table: true) == nil)
    #expect(words(0x4000_0001, table: true) == beyond)
    #expect(words(0x2000_0000, table: false) == nil)
    #expect(words(0x2000_0001, table: false) == beyond)
    #expect(words(.max, table: true) == beyond)
    // p_paddr at the end of the address space.
    var bytes = payload()
    bytes.replaceSubrange(64 + 24..<64 + 32, with: [UInt8](repeating: 0xff, count: 8))
    #expect(load(bytes).statedRefusal?.words == beyond)
  }

  /// Places from _text to __bss_start, the end of the last segment's bytes at +0x201000, itself included.
  @Test func relocationsOutside() {
    #expect(load(payload(wide: [0x8100_0000, 0x8120_1000])).loadedPrediction != nil)
    #expect(load(payload(wide: [0x8120_1001])).statedRefusal?.words == "64-bit relocation outside of kernel!")
    #expect(load(payload(wide: [0x80ff_ffff])).statedRefusal?.words == "64-bit relocation outside of kernel!")
    #expect(load(payload(inverse: [1])).statedRefusal?.words == "inverse 32-bit relocation outside of kernel!")
    #expect(load(payload(narrow: [0x7fff_ffff])).statedRefusal?.words == "32-bit relocation outside of kernel!")
    // The 32-bit list comes first, and each from its end.
    let three = load(payload(wide: [1], inverse: [2], narrow: [3, 0x8100_0000])).statedRefusal
    #expect(three?.words == "32-bit relocation outside of kernel!")
    #expect(three?.evidence.contains("0x3,") == true)
    // The table is not looked at where nothing moves.
    #expect(load(payload(narrow: [3]), "nokaslr").loadedPrediction != nil)
  }

  /// Without the inverse list, as from 6.15 on, there are two zero words.
  @Test func twoLists() {
    let table: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 1, 0, 0, 0x81]
    #expect(load(kernel().build() + table).loadedPrediction != nil)
    let outside: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    #expect(load(kernel().build() + outside).statedRefusal?.words == "64-bit relocation outside of kernel!")
  }

  @Test func whatItDoesNotCheck() {
    func misbehaves(_ outcome: LoaderOutcome) -> Bool { if case .misbehaves = outcome { true } else { false } }
    let plain = payload()
    func patched(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
      var copy = plain
      copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      return copy
    }
    let first = 64
    // e_phoff, p_offset and p_filesz.
    #expect(misbehaves(load(patched(32, [0, 0, 0, 0, 0, 0, 0, 0x80]))))
    #expect(misbehaves(load(patched(first + 8, [0, 0, 0, 0, 0, 0, 0, 0x80]))))
    #expect(misbehaves(load(patched(first + 32, .init(repeating: 0xff, count: 8)))))
    // A table without zero words, and a payload that ends inside the ELF header.
    #expect(misbehaves(load(kernel().build() + [1, 0, 0, 0x81])))
    #expect(misbehaves(load([UInt8](plain.prefix(63)))))
    // The first segment is moved onto the second one's bytes in the file.
    let offset = plain.withRawSpan { (try? ELFFile(parsing: $0))?.loadSegments[1].fileRange.start.value } ?? 0
    let onto = 0x100_0000 + offset - 0x1fff
    #expect(misbehaves(load(patched(first + 24, (0..<8).map { UInt8(truncatingIfNeeded: onto >> (8 * $0)) }))))
    let beside = 0x100_0000 + offset - 0x2000
    #expect(!misbehaves(load(patched(first + 24, (0..<8).map { UInt8(truncatingIfNeeded: beside >> (8 * $0)) }))))
  }

  /// The registered model takes the payload as QEMU's -kernel would hand it over.
  @Test func theRegisteredModelIsAddressedByVmlinux() {
    let image = payload()
    image.withRawSpan { bytes in
      let isAddressed = LoaderName.linuxDecompressor.isAddressed(by: bytes)
      #expect(isAddressed)
      if case .loads(let prediction) = LoaderName.linuxDecompressor.model(bytes, machine) {
        #expect(prediction.loader == .linuxDecompressor)
      } else {
        Issue.record("does not load")
      }
    }
  }
}
