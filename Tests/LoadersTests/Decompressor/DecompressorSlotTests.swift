import Addresses
import Loaders
import TestSupport
import Testing

/// Slots of small machines, counted by hand. The image takes 4 MiB (0x400000), so that `n` bytes of free memory at a multiple
/// of 2 MiB hold 1 + (n - 4 MiB) / 2 MiB of them.
@Suite struct DecompressorSlotTests {
  private typealias Area = [UInt64]

  /// A kernel of 3 MiB and a byte, linked at 16 MiB, with an empty relocation table.
  private let payload: [UInt8] =
    ELFBuilder(entry: 0x100_0000).segment(
      virtual: 0xffff_ffff_8100_0000, physical: 0x100_0000, bytes: [1], memorySize: 0x30_0001, alignment: 0
    ).build() + [UInt8](repeating: 0, count: 12)

  /// `[start, count]` of each area.
  private func areas(
    _ ram: [Range<UInt64>], _ commandLine: String = "", _ change: (inout Decompressor.Setup) -> Void = { _ in }
  ) -> [Area] {
    var setup = Decompressor.Setup()
    // The buffer is [16 MiB, 22 MiB).
    setup.initSize = 0x60_0000
    change(&setup)
    var request = LoaderRequest(ramRanges: ram)
    request.commandLine = commandLine
    let slots = payload.withRawSpan { Decompressor.physicalSlots(of: $0, setup: setup, request) }
    return slots.areas.map { [$0.start.value, $0.count] }
  }

  private func range(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count))
  }

  @Test func behindTheBuffer() {
    // 22 MiB to 32 MiB: 10 MiB, 1 + (10 - 4) / 2 = 4.
    #expect(areas([0..<0x200_0000]) == [[0x160_0000, 4]])
    // One byte less: 1 + 5.99 / 2 = 3.
    #expect(areas([0..<0x1ff_ffff]) == [[0x160_0000, 3]])
    #expect(areas([0..<0x1a0_0000]) == [[0x160_0000, 1]])
    #expect(areas([0..<0x19f_ffff]) == [])
    // Memory below 16 MiB is never drawn; an end at 0x1600001 makes the next slot 24 MiB: 1 + (8 - 4) / 2 = 3.
    #expect(areas([0..<0x100_0000]) == [])
    #expect(areas([0..<0x200_0000]) { $0.initSize = 0x60_0001 } == [[0x180_0000, 3]])
  }

  @Test func betweenWhatWasHandedOver() {
    // 22 to 32, 33 to 40 and 44 to 64 MiB: 4; from 34: 1 + (6 - 4) / 2 = 2; 1 + (20 - 4) / 2 = 9.
    let found = areas([0..<0x400_0000]) { setup in
      setup.handedOver = [range(0x280_0000, 0x40_0000), range(0x200_0000, 0x10_0000)]
    }
    #expect(found == [[0x160_0000, 4], [0x220_0000, 2], [0x2c0_0000, 9]])
    // Too near for an image: 22 MiB to 24 MiB. Behind it 25 MiB, so 26: 1 + (6 - 4) / 2 = 2.
    #expect(areas([0..<0x200_0000]) { $0.handedOver = [range(0x180_0000, 0x10_0000)] } == [[0x1a0_0000, 2]])
  }

  @Test func minimumIsAtMost512MiB() {
    // Loaded at 1 GiB, it may go to 512 MiB, not below. 1 + (8 - 4) / 2 = 3.
    let found = areas([0..<0x2080_0000]) { $0.loadAddress = PhysicalAddress(0x4000_0000) }
    #expect(found == [[0x2000_0000, 3]])
  }

  @Test func optionsOfTheCommandLine() {
    let ram: [Range<UInt64>] = [0..<0x200_0000]
    #expect(areas(ram, "nokaslr") == [])
    #expect(areas(ram, "nokaslr=1 xnokaslr") == [[0x160_0000, 4]])
    // 28 MiB: 1 + (6 - 4) / 2 = 2. "--" ends the options, and so does a size of 0.
    for text in ["mem=28M", "mem=0x1c00000", "mem=0160000000", "memmap=28672K", "mem=nopentium mem=28m -- mem=1M"] {
      #expect(areas(ram, text) == [[0x160_0000, 2]], "\(text)")
    }
    #expect(areas(ram, "mem=0 mem=28M") == [[0x160_0000, 4]])
    // 22 to 26 MiB holds one; behind 27 MiB, from 28, one more.
    #expect(areas(ram, "memmap=1M$26M,28M@1M") == [[0x160_0000, 1], [0x1c0_0000, 1]])
    // Four regions are taken, a fifth in the same option ends KASLR, one in another option is not seen.
    #expect(areas(ram, "memmap=1$1,1$1,1$1,1$1,1$1") == [])
    #expect(areas(ram, "memmap=1$1,1$1,1$1,1$1 memmap=1M$26M") == [[0x160_0000, 4]])
  }

  /// One page of 1 GiB is left alone; from 2 GiB to 3 GiB: 1 + (1024 - 4) / 2 = 511, before it 1 + (1024 - 22 - 4) / 2 = 500.
  @Test func pagesOfAGibibyte() {
    let ram: [Range<UInt64>] = [0..<0xc000_0000]
    #expect(areas(ram, "hugepagesz=1G hugepages=1") == [[0x160_0000, 500], [0x8000_0000, 511]])
    #expect(areas(ram, "hugepagesz=1G hugepages=9") == [[0x160_0000, 500]])
    // 1 + (3072 - 22 - 4) / 2 = 1524.
    #expect(areas(ram, "hugepagesz=2M hugepages=9") == [[0x160_0000, 1524]])
  }

  /// MAX_SLOT_AREA.
  @Test func atMostAHundredAreas() {
    let ram = (0..<150).map { (index: UInt64) in 0x1000_0000 * (index + 1)..<0x1000_0000 * (index + 1) + 0x40_0000 }
    let found = areas(ram)
    #expect(found.count == 100)
    #expect(found.last == [0x6_4000_0000, 1])
  }

  @Test func slotsAndWhatLiesBetween() {
    var setup = Decompressor.Setup()
    setup.initSize = 0x60_0000
    let request = LoaderRequest(ramRanges: [0..<0x200_0000])
    let slots = payload.withRawSpan { Decompressor.physicalSlots(of: $0, setup: setup, request) }
    #expect((slots.first, slots.last) == (PhysicalAddress(0x160_0000), PhysicalAddress(0x1c0_0000)))
    #expect(slots.total == 4)
    let inside = (0..<64).map { PhysicalAddress($0 << 20) }.filter { slots.contains($0) }
    #expect(inside.map { $0.value >> 20 } == [22, 24, 26, 28])
  }

  /// 16 MiB to 1 GiB: 1 + (1024 - 16 - 4) / 2 = 503; the last starts at 1020 MiB.
  @Test func virtualSlots() {
    let setup = Decompressor.Setup()
    var request = LoaderRequest(ramRanges: [0..<0x200_0000])
    let slots = payload.withRawSpan { Decompressor.virtualSlots(of: $0, setup: setup, request) }
    #expect(slots.total == 503)
    #expect(slots.first == VirtualAddress(0xffff_ffff_8100_0000))
    #expect(slots.last == VirtualAddress(0xffff_ffff_bfc0_0000))
    request.commandLine = "nokaslr"
    #expect(payload.withRawSpan { Decompressor.virtualSlots(of: $0, setup: setup, request) }.total == 1)
  }
}
