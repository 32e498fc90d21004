import Addresses
import KernelImage
import TestSupport
import Testing

/// Whatever the bytes are, parsing ends with values or with a `ParseError`: it never traps and never leaves the file.
@Suite("Robustness")
struct RobustnessTests {
  @Test(arguments: ["/bin/ls", "/proc/self/exe"])
  func truncatedPrograms(path: String) throws {
    let bytes = try RealKernels.bytes(path)
    let whole = parsesAsELF(bytes, prefix: bytes.count)
    #expect(whole)
    var failures = 0
    for step in 0..<256 where !parsesAsELF(bytes, prefix: bytes.count * step / 256) { failures += 1 }
    // Every truncation cuts the section header table, which is last.
    #expect(failures == 256)
  }

  @Test func changedHeadersOfPrograms() throws {
    var bytes = try RealKernels.bytes("/bin/ls")
    let elf = try bytes.withRawSpan { raw throws(ParseError) in try ELFFile(parsing: raw) }
    let header = elf.header
    var places = Array(0..<Int(header.headerSize))
    places += Int(header.programHeaderOffset)..<Int(header.programHeaderOffset) + elf.programHeaders.count * 56
    places += Int(header.sectionHeaderOffset)..<Int(header.sectionHeaderOffset) + elf.sectionHeaders.count * 64
    let outcomes = try changed(&bytes, places) { parsesAsELF($0, prefix: $0.count) }
    // EI_ABIVERSION may hold anything, EI_MAG one thing only.
    #expect(outcomes.parsed > 0)
    #expect(outcomes.refused > 0)
  }

  @Test func changedHeadersOfBuiltFiles() throws {
    for elfClass in [ELFClass.bits32, .bits64] {
      var bytes = ELFBuilder(class: elfClass, machine: .i386, entry: 0x10_0000)
        .segment(flags: [.read, .execute], virtual: 0x10_0000, bytes: [1, 2, 3, 4], memorySize: 64, alignment: 16)
        .note(owner: "Xen", type: 18, descriptor: [0, 0, 0x10, 0])
        .note(owner: "GNU", type: 1, descriptor: Array(repeating: 0, count: 16))
        .section("__xen_guest", bytes: Array("GUEST_OS=x\0".utf8))
        .section(
          ".symtab", type: .symbolTable, bytes: Array(repeating: 0, count: 48),
          entrySize: elfClass == .bits64 ? 24 : 16
        )
        .section(
          ".rel", type: .relocations, bytes: Array(repeating: 0, count: 32),
          entrySize: elfClass == .bits64 ? 16 : 8
        )
        .build()
      let places = Array(bytes.indices)
      let outcomes = try changed(&bytes, places) { parsesAsELF($0, prefix: $0.count) }
      #expect(outcomes.refused > 0)
      for length in bytes.indices { _ = parsesAsELF(bytes, prefix: length) }
    }
  }

  @Test func changedAndTruncatedSetupHeaders() throws {
    for version in UInt16(0x200)...0x20f {
      var bytes = BzImageBuilder(version: version, protectedMode: Array(repeating: 0x1f, count: 512)).build()
      let outcomes = try changed(&bytes, Array(0x1e0..<0x280)) { parsesAsBzImage($0, prefix: $0.count) }
      #expect(outcomes.parsed > 0)
      #expect(outcomes.refused > 0)
      for length in stride(from: 0, to: bytes.count, by: 11) { _ = parsesAsBzImage(bytes, prefix: length) }
    }
  }

  @Test(.enabled(if: RealKernels.areWanted, Comment(rawValue: RealKernels.reason)))
  func realImages() throws {
    try #require(!RealKernels.images.isEmpty, Comment(rawValue: RealKernels.reason))
    for path in RealKernels.images {
      var bytes = try RealKernels.bytes(path)
      #expect(parsesAsBzImage(bytes, prefix: bytes.count))
      for step in 0..<256 { _ = parsesAsBzImage(bytes, prefix: bytes.count * step / 256) }
      // Half of the file cannot hold the protected-mode code.
      #expect(!parsesAsBzImage(bytes, prefix: bytes.count / 2))
      let outcomes = try changed(&bytes, Array(0x1f1..<0x26c)) { parsesAsBzImage($0, prefix: $0.count) }
      #expect(outcomes.parsed > 0)
      #expect(outcomes.refused > 0)
    }
  }

  /// A thousand tables that show the same bytes cost one look at their headers.
  @Test func overlappingTables() throws {
    var file = ELFBuilder()
    for _ in 0..<1000 {
      file = file.section(".rela", type: .relocationsWithAddends, bytes: [], entrySize: 24)
      file = file.section(".symtab", type: .symbolTable, bytes: [], entrySize: 24)
    }
    var bytes = file.build()
    let elf = try bytes.withRawSpan { raw throws(ParseError) in try ELFFile(parsing: raw) }
    for section in elf.sectionHeaders where section.entrySize == 24 {
      // sh_offset at 24 and sh_size at 32 of Elf64_Shdr: 4800 bytes from 0, which 24 divides.
      let words: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x12, 0, 0, 0, 0, 0, 0]
      let place = Int(section.headerOffset.value) + 24
      bytes.replaceSubrange(place..<place + 16, with: words)
    }
    let (relocations, symbols) = try bytes.withRawSpan { raw throws(ParseError) in
      let elf = try ELFFile(parsing: raw)
      return (
        Self.error { () throws(ParseError) in _ = try elf.relocationSections(in: raw) },
        Self.error { () throws(ParseError) in _ = try elf.symbolCounts(in: raw) }
      )
    }
    #expect(relocations?.code == .tooMany)
    #expect(symbols?.code == .tooMany)
  }

  @Test func endlessDynamicTable() throws {
    let entries = [UInt8](repeating: 1, count: 16 * 65_537)
    let bytes = ELFBuilder().segment(type: .dynamic, bytes: entries).build()
    let error = try bytes.withRawSpan { raw throws(ParseError) in
      let elf = try ELFFile(parsing: raw)
      return Self.error { () throws(ParseError) in _ = try elf.dynamicEntries(in: raw) }
    }
    #expect(error?.code == .tooMany)
  }

  private static func error(_ body: () throws(ParseError) -> Void) -> ParseError? {
    do throws(ParseError) {
      try body()
      return nil
    } catch { return error }
  }

  /// Sizes and offsets at the edges of their types, in every address-sized word of both tables and the header.
  @Test func wordsAtTheEdges() throws {
    let plain = ELFBuilder()
      .segment(virtual: 0x10_0000, bytes: [1, 2, 3, 4]).section(".text", bytes: [1, 2, 3, 4]).build()
    let edges: [UInt64] = [0, 1, 0x7fff_ffff, 0xffff_ffff, .max / 2, .max / 2 + 1, .max - 1, .max]
    for offset in stride(from: 24, through: plain.count - 8, by: 8) where offset < 120 || offset >= 0x1000 {
      for edge in edges {
        var bytes = plain
        bytes.replaceSubrange(
          offset..<offset + 8, with: (0..<8).map { UInt8(truncatingIfNeeded: edge >> (UInt64($0) * 8)) })
        _ = parsesAsELF(bytes, prefix: bytes.count)
      }
    }
  }

  /// The sniffer looks at 32 KiB of whatever it gets.
  @Test func sniffing() throws {
    var bytes = BzImageBuilder(version: 0x20f, protectedMode: []).build()
    bytes.replaceSubrange(0..<2, with: [0x4d, 0x5a])
    bytes[0x3c] = 0x80
    bytes.replaceSubrange(0x80..<0x84, with: [0x50, 0x45, 0, 0])
    for length in bytes.indices { bytes.withRawSpan { _ = sniff($0.extracting(first: length)) } }
    let outcomes = try changed(&bytes, Array(0..<0x280)) { bytes in bytes.withRawSpan { !sniff($0).isEmpty } }
    #expect(outcomes.parsed > 0)
  }

  /// Sets each place to 0, to 0xff and to its complement, and parses; the bytes are as before afterwards.
  private func changed(
    _ bytes: inout [UInt8], _ places: [Int], _ parses: ([UInt8]) -> Bool
  ) throws -> (parsed: Int, refused: Int) {
    var outcomes = (parsed: 0, refused: 0)
    for place in places {
      let old = bytes[place]
      for value in [0, 0xff, ~old] {
        bytes[place] = value
        if parses(bytes) { outcomes.parsed += 1 } else { outcomes.refused += 1 }
      }
      bytes[place] = old
    }
    return outcomes
  }

  /// Parses everything that an ELF file leads to. Ranges that come out must lie in the file.
  private func parsesAsELF(_ bytes: [UInt8], prefix: Int) -> Bool {
    bytes.withRawSpan { whole in
      let raw = whole.extracting(first: prefix)
      guard let elf = try? ELFFile(parsing: raw) else { return false }
      for segment in elf.programHeaders where !segment.fileRange.isEmpty {
        #expect(isInside(segment.fileRange, prefix))
      }
      for section in elf.sectionHeaders {
        #expect(section.fileRange.isEmpty || isInside(section.fileRange, prefix))
        _ = elf.name(of: section, in: raw)
      }
      #expect(elf.structuralEnd.value <= UInt64(prefix))
      for note in (try? elf.notes(in: raw)) ?? [] {
        #expect(isInside(note.descriptor, prefix))
        _ = note.meaning(in: raw)?.text
      }
      let dynamic = try? elf.dynamicRelocations(in: raw)
      for range in (dynamic?.rela ?? []) + (dynamic?.relr ?? []) { #expect(isInside(range, prefix)) }
      _ = try? elf.dynamicEntries(in: raw)
      _ = try? elf.relocationSections(in: raw)
      _ = try? elf.symbolCounts(in: raw)
      _ = elf.xenGuestText(in: raw)
      _ = try? RelocationTable(parsing: raw, of: elf)
      return true
    }
  }

  private func parsesAsBzImage(_ bytes: [UInt8], prefix: Int) -> Bool {
    bytes.withRawSpan { whole in
      let raw = whole.extracting(first: prefix)
      _ = sniff(raw)
      guard let image = try? BzImage(parsing: raw) else { return false }
      #expect(isInside(image.setup.headerRange, prefix))
      #expect(isInside(image.protectedModeRange, prefix))
      if let payload = image.payloadRange { #expect(image.protectedModeRange.contains(payload)) }
      for field in image.setup.fields { _ = field.meaning }
      return true
    }
  }

  private func isInside(_ range: FileRange, _ size: Int) -> Bool {
    range.start.value <= UInt64(size) && range.count.value <= UInt64(size) - range.start.value
  }
}
