import Addresses
import KernelImage
import TestSupport
import Testing

@testable import Placement

/// RELA: place = link offset, value = addend + slide (System V gABI ch. 4; psABI R_X86_64_RELATIVE, 8). RELR: an even
/// word is a place; bit n of an odd word is the place n - 1 words behind the last one's successor.
@Suite struct DynamicRelocationsTests {
  private static let relative: UInt64 = 8

  @Test func theAddendIsInTheTable() throws {
    let memory = try apply(rela: [0x1008, Self.relative, 0x1234], slide: 0x20_0000)
    #expect(memory.word(UInt64.self, at: 8) == 0x20_1234)
    #expect(memory[0..<8] + memory[16...] == [UInt8](repeating: 0xaa, count: 0x1000 - 8)[...])
  }

  @Test func theAddendCountsWithoutASlide() throws {
    #expect(try apply(rela: [0x1008, Self.relative, 0x1234], slide: 0).word(UInt64.self, at: 8) == 0x1234)
  }

  @Test func theSumWrapsAround() throws {
    let memory = try apply(rela: [0x1001, Self.relative, 0xffff_ffff_ffff_ff00], slide: 0x200)
    #expect(memory.word(UInt64.self, at: 1) == 0x100)
  }

  @Test func noneIsSkippedEvenWhereItPointsNowhere() throws {
    let memory = try apply(rela: [.max, 0, 0, 0x1000, Self.relative, 7], slide: 0)
    #expect(memory.word(UInt64.self, at: 0) == 7)
  }

  /// R_X86_64_64, GLOB_DAT, JUMP_SLOT, IRELATIVE.
  @Test(arguments: [1, 6, 7, 37] as [UInt64]) func otherTypesAreRefused(type: UInt64) throws {
    let error = #expect(throws: PlanError.self) { try apply(rela: [0x1000, type, 0], slide: 0) }
    #expect(error?.code == .badRelocation)
    #expect(error?.sentence.contains("file offset 0x0 is of type \(type);") == true)
  }

  /// The image is linked at 0x1000 and has 0x1000 bytes: the last word that fits starts at 0x1ff8.
  @Test(arguments: [0xfff, 0x1ff9, 0x2000, 0, .max] as [UInt64]) func placesOutsideAreRefused(offset: UInt64) throws {
    _ = try apply(rela: [0x1ff8, Self.relative, 0], slide: 0)
    let rela = #expect(throws: PlanError.self) { try apply(rela: [offset, Self.relative, 0], slide: 0) }
    #expect(rela?.code == .badRelocation)
    #expect(rela?.sentence.contains("patches 0x" + String(offset, radix: 16)) == true)
    guard offset & 1 == 0 else { return }
    let relr = #expect(throws: PlanError.self) { try apply(relr: [offset], slide: 8) }
    #expect(relr?.code == .badRelocation)
  }

  @Test func bitmapsNameTheWordsBehindAPlace() throws {
    // 0x1010; then bits 1 and 3: 0x1018 and 0x1028. The next bitmap starts 63 words behind 0x1018, at 0x1210: bit 1
    // is that, and bit 63 is 62 words further, 0x1400. Then a place again.
    let memory = try apply(
      relr: [0x1010, 0b1011, 1 << 63 | 0b11, 0x1500], slide: 0x1_0000, value: 0x2000)
    let expected: Set<UInt64> = [0x10, 0x18, 0x28, 0x210, 0x400, 0x500]
    for offset in stride(from: 0, to: 0x1000, by: 8) as StrideTo<UInt64> {
      #expect(memory.word(UInt64.self, at: offset) == (expected.contains(offset) ? 0x1_2000 : 0x2000))
    }
  }

  @Test func aBitmapThatLeavesTheImageIsRefused() throws {
    _ = try apply(relr: [0x1ff0, 0b11], slide: 0)
    let error = #expect(throws: PlanError.self) { try apply(relr: [0x1ff0, 0b101], slide: 0) }
    #expect(error?.sentence.contains("file offset 0x8 patches 0x2000") == true)
  }

  @Test func aBitmapWithoutAPlaceIsRefused() throws {
    #expect(throws: PlanError.self) { try apply(relr: [0b11], slide: 0) }
  }

  @Test func slidesAddUpInPlace() throws {
    let table: [UInt64] = [0x1010, 0b1011]
    let once = try apply(relr: table, slide: 0x3000, value: 5)
    let twice = try apply(relr: table, slide: 0x1000, to: apply(relr: table, slide: 0x2000, value: 5))
    #expect(once == twice)
    #expect(try apply(relr: table, slide: -0x3000, to: once) == apply(relr: table, slide: 0, value: 5))
  }

  /// An image of 0x1000 bytes that is linked at 0x1000.
  private func apply(rela: [UInt64], slide: Int64) throws -> [UInt8] {
    try apply(rela, isRELA: true, slide: slide, to: [UInt8](repeating: 0xaa, count: 0x1000))
  }

  private func apply(relr: [UInt64], slide: Int64, value: UInt64 = 0) throws -> [UInt8] {
    try apply(relr: relr, slide: slide, to: (0..<0x200).flatMap { _ in [UInt8](littleEndian: value) })
  }

  private func apply(relr: [UInt64], slide: Int64, to memory: [UInt8]) throws -> [UInt8] {
    try apply(relr, isRELA: false, slide: slide, to: memory)
  }

  private func apply(_ words: [UInt64], isRELA: Bool, slide: Int64, to memory: [UInt8]) throws -> [UInt8] {
    let table = words.flatMap { [UInt8](littleEndian: $0) }
    let range = FileRange(uncheckedStart: FileOffset(0), count: ByteCount(UInt64(table.count)))
    let relocations = DynamicRelocations(
      rela: isRELA ? [range] : [], relr: isRELA ? [] : [range], slide: Slide(slide), linkBase: LinkAddress(0x1000))
    var copy = memory
    try copy.withMutableRawSpan { (span) throws(PlanError) in
      try table.withRawSpan { (bytes) throws(PlanError) in
        try relocations.check(imageSize: memory.count, image: bytes)
        try relocations.apply(to: &span, image: bytes)
      }
    }
    return copy
  }
}
