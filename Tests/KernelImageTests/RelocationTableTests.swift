import Addresses
import KernelImage
import TestSupport
import Testing

/// Both layouts of the table behind `vmlinux` (arch/x86/tools/relocs.c before and since 6.15), and i386's.
@Suite("Linux relocation table")
struct RelocationTableTests {
  private let image: [UInt8] = ELFBuilder(entry: 0x100_0000)
    .segment(
      flags: [.read, .execute], virtual: 0xffff_ffff_8100_0000, physical: 0x100_0000,
      bytes: Array(repeating: 0x90, count: 256)
    )
    // The per-processor segment of kernels before 6.15: virtual address 0, physical address behind the text.
    .segment(virtual: 0, physical: 0x100_1000, bytes: [1, 2, 3, 4, 5, 6, 7, 8])
    .section(".shape", bytes: [1])
    .build()

  private func words(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  }

  private func table(_ values: [UInt32]) throws(ParseError) -> RelocationTable? {
    try (image + words(values)).withRawSpan { raw throws(ParseError) in
      let elf = try ELFFile(parsing: raw)
      return try RelocationTable(parsing: raw, of: elf)
    }
  }

  private func error(_ values: [UInt32]) -> ParseError? {
    do {
      _ = try table(values)
      return nil
    } catch { return error }
  }

  private func range(_ first: Int, _ count: Int) -> FileRange {
    FileRange(uncheckedStart: FileOffset(UInt64(image.count + first * 4)), count: ByteCount(UInt64(count * 4)))
  }

  @Test func threeLists() throws {
    let found = try #require(
      try table([0, 0x8100_0000, 0x8100_00f8, 0, 0x8100_0004, 0, 0x8100_0001, 0x8100_0010, 0x8100_1004]))
    #expect(found.layout == .threeLists)
    #expect(found.range == range(0, 9))
    #expect(found.entries64 == range(1, 2))
    #expect(found.entriesInverse32 == range(4, 1))
    #expect(found.entries32 == range(6, 3))
    #expect(RelocationTable.count(found.entries32) == 3)
  }

  @Test func twoLists() throws {
    let found = try #require(try table([0, 0x8100_0000, 0, 0x8100_0001, 0x8100_0010]))
    #expect(found.layout == .twoLists)
    #expect(found.entries64 == range(1, 1))
    #expect(found.entries32 == range(3, 2))
    #expect(found.entriesInverse32.isEmpty)
  }

  @Test func oneList() throws {
    let found = try #require(try table([0, 0x8100_0001]))
    #expect(found.layout == .oneList)
    #expect(found.entries32 == range(1, 1))
    #expect(found.entries64.isEmpty)
    #expect(found.entriesInverse32.isEmpty)
  }

  @Test func emptyLists() throws {
    #expect(try table([0, 0])?.layout == .twoLists)
    let three = try #require(try table([0, 0, 0]))
    #expect(three.layout == .threeLists)
    #expect(three.entries64.isEmpty && three.entries32.isEmpty && three.entriesInverse32.isEmpty)
  }

  @Test func nothingBehindTheImage() throws {
    #expect(try table([]) == nil)
  }

  @Test func tablesThatAreNone() {
    #expect(error([0, 0, 0, 0])?.field == "relocation table: first word")
    #expect(error([0x8100_0000])?.field == "relocation table: first word")
    #expect(error([0x8100_0000, 0, 0x8100_0004])?.field == "relocation table: first word")
    let odd = image + [0, 0, 0]
    func failure(after end: Int) -> ParseError? {
      do {
        _ = try odd.withRawSpan { raw throws(ParseError) in
          try RelocationTable(parsing: raw, after: FileOffset(UInt64(end)))
        }
        return nil
      } catch { return error }
    }
    #expect(failure(after: image.count)?.field == "relocation table: size")
    #expect(failure(after: odd.count + 1)?.code == .outsideFile)
    #expect(failure(after: odd.count) == nil)
  }

  /// The image spans 0x81000000 ..< 0x81001008 in the order of its physical addresses.
  @Test(
    arguments: [
      ([0, 0x8100_1000, 0], true), ([0, 0x8100_1001, 0], false), ([0, 0, 0x8100_1004], true),
      ([0, 0, 0x8100_1005], false), ([0, 0, 0x80ff_ffff], false), ([0, 0, 0x0100_0000], false),
      ([0, 0, 0xffff_ffff], false), ([0, 0, 0x8100_1005, 0], false),
    ] as [([UInt32], Bool)])
  func placesLieInTheImage(values: [UInt32], isFine: Bool) {
    #expect((error(values) == nil) == isFine)
    if !isFine { #expect(error(values)?.field == "relocation table: place") }
  }
}
