import Addresses
import KernelImage
import Testing

/// Real images, held against what their codec's own tool makes of the payload.
@Suite("Real bzImages", .enabled(if: RealKernels.areWanted, Comment(rawValue: RealKernels.reason)))
struct RealBzImageTests {
  @Test func payloadAndRelocations() throws {
    try #require(!RealKernels.images.isEmpty, Comment(rawValue: RealKernels.reason))
    for path in RealKernels.images {
      let image = try RealKernels.bytes(path)
      let parsed = try image.withRawSpan { raw throws(ParseError) in try BzImage(parsing: raw) }
      let blob = try RealKernels.unpack(image)
      #expect(parsed.declaredPayloadSize?.value == UInt64(blob.count))
      let (elf, table) = try blob.withRawSpan { raw throws(ParseError) in
        let elf = try ELFFile(parsing: raw)
        return (elf, try RelocationTable(parsing: raw, of: elf))
      }
      #expect(elf.header.machine == .x86_64)
      // boot.rst: pref_address is LOAD_PHYSICAL_ADDR, where the first segment is linked.
      #expect(elf.loadSegments.first?.physicalAddress == parsed.setup.preferredAddress)
      let relocations = try #require(table)
      try checkSorted(relocations, of: blob)
    }
  }

  @Test func kernelVersionIsInTheName() throws {
    for path in RealKernels.images {
      let image = try RealKernels.bytes(path)
      let parsed = try image.withRawSpan { raw throws(ParseError) in try BzImage(parsing: raw) }
      let release = try #require(parsed.setup.kernelVersion?.split(separator: " ").first)
      #expect(path.hasSuffix("vmlinuz-" + release) || !path.contains("vmlinuz-"))
    }
  }

  /// arch/x86/tools/relocs.c sorts each list; the words of all lists and one zero word before each fill the table.
  private func checkSorted(_ table: RelocationTable, of blob: [UInt8]) throws {
    let lists = [table.entries64, table.entriesInverse32, table.entries32]
    let zeros: UInt64 = table.layout == .threeLists ? 3 : table.layout == .twoLists ? 2 : 1
    let words = lists.reduce(zeros) { $0 + RelocationTable.count($1) }
    #expect(words * 4 == table.range.count.value)
    #expect(table.range.endValue == UInt64(blob.count))
    for list in lists {
      let values = blob.withRawSpan { raw in
        stride(from: list.start.value, to: list.endValue, by: 4).compactMap { raw.load(UInt32.self, at: $0) }
      }
      #expect(values.count == Int(RelocationTable.count(list)))
      #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
    }
    #expect(RelocationTable.count(table.entries64) > 1000)
    #expect(RelocationTable.count(table.entries32) > 1000)
  }
}
