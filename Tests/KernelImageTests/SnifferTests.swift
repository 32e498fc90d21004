import Addresses
import KernelImage
import TestSupport
import Testing

/// What a file is, by the magic numbers of each format's specification.
@Suite("Sniffing")
struct SnifferTests {
  private func kinds(_ bytes: [UInt8]) -> [ImageKind] { bytes.withRawSpan { sniff($0).map(\.kind) } }

  private func file(_ patches: [(Int, [UInt8])], size: Int = 1024) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    for (offset, patch) in patches { bytes.replaceSubrange(offset..<offset + patch.count, with: patch) }
    return bytes
  }

  @Test func nothingIsNothing() {
    #expect(kinds([]) == [])
    #expect(kinds([0x7f]) == [])
    #expect(kinds(file([])) == [])
    #expect(kinds(Array("#!/bin/sh\n".utf8)) == [])
    // A boot sector that is no kernel.
    #expect(kinds(file([(0x1fe, [0x55, 0xaa])])) == [])
  }

  @Test(
    arguments: [
      ([0x1f, 0x8b, 8, 0], .gzip), ([0x42, 0x5a, 0x68, 0x39], .bzip2), ([0x5d, 0, 0, 0x80, 0], .lzma),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], .xz), ([0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d], .lzo),
      ([0x02, 0x21, 0x4c, 0x18], .lz4Legacy), ([0x04, 0x22, 0x4d, 0x18], .lz4Frame), ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
    ] as [([UInt8], PayloadCodec)])
  func codecs(magic: [UInt8], codec: PayloadCodec) {
    #expect(kinds(magic) == [.compressed(codec)])
    #expect((Array(repeating: 7, count: 5) + magic).withRawSpan { PayloadCodec(magicIn: $0, at: 5) } == codec)
    #expect(magic.dropLast(magic.count - 2).withContiguous { PayloadCodec(magicIn: $0, at: 0) } == nil)
  }

  /// Streams that the formats' own tools write.
  @Test(
    arguments: [
      (["gzip", "-c"], .gzip), (["xz", "-c"], .xz), (["xz", "--format=lzma", "-c"], .lzma), (["bzip2", "-c"], .bzip2),
      (["zstd", "-qc"], .zstd), (["lz4", "-qc"], .lz4Frame), (["lz4", "-lqc"], .lz4Legacy),
    ] as [([String], PayloadCodec)])
  func streamsOfRealTools(command: [String], codec: PayloadCodec) throws {
    let stream = [UInt8](try Tool.run(command, input: Array(repeating: 65, count: 4096)))
    #expect(kinds(stream).first == .compressed(codec))
  }

  @Test func linuxX86() {
    #expect(kinds(BzImageBuilder(version: 0x20f, protectedMode: [0]).build()) == [.bzImage])
    var low = BzImageBuilder(version: 0x200, protectedMode: [0])
    low.loadFlags = 0
    #expect(kinds(low.build()) == [.zImage])
    // Before the setup header: five sectors, then syssize paragraphs of 16 bytes.
    let ancient: [(Int, [UInt8])] = [(0x1f1, [4]), (0x1f4, [0x10, 0]), (0x1fe, [0x55, 0xaa])]
    #expect(kinds(file(ancient, size: 2560 + 256)) == [.zImage])
    #expect(kinds(file(ancient, size: 2560 + 1024)) == [])
  }

  @Test func imageHeaders() {
    #expect(kinds(file([(56, [0x41, 0x52, 0x4d, 0x64])])) == [.arm64Image])
    #expect(kinds(file([(56, [0x52, 0x53, 0x43, 0x05])])) == [.riscvImage])
    #expect(kinds(file([(48, Array("RISCV\0\0\0".utf8))])) == [.riscvImage])
    #expect(kinds(file([(0x24, [0x18, 0x28, 0x6f, 0x01])])) == [.armZImage])
    #expect(kinds(file([(0, [0x27, 0x05, 0x19, 0x56])])) == [.uImage])
    #expect(kinds(file([(0, [0xd0, 0x0d, 0xfe, 0xed])])) == [.deviceTree])
    #expect(kinds(file([(0, [0x0b, 0x01, 0x64, 0]), (4, [0, 1])])) == [.aOut])
    #expect(kinds(file([(0, [0x0b, 0x01, 0x64, 0]), (4, [0, 0, 1])])) == [])
  }

  private func pe(_ sections: [String], extra: [(Int, [UInt8])] = []) -> [UInt8] {
    var patches: [(Int, [UInt8])] = [
      (0, [0x4d, 0x5a]), (0x3c, [0x80]), (0x80, [0x50, 0x45, 0, 0, 0x64, 0x86, UInt8(sections.count)]),
    ]
    // The section table follows the 24 bytes of signature and header, and no optional header.
    for (index, name) in sections.enumerated() { patches.append((0x98 + index * 40, Array(name.utf8))) }
    return file(patches + extra)
  }

  @Test func portableExecutables() {
    #expect(kinds(pe([".text"])) == [.pe])
    #expect(kinds(pe([".osrel", ".linux"])) == [.unifiedKernelImage, .pe])
    #expect(kinds(pe([".text"], extra: [(4, Array("zimg".utf8))])) == [.efiZboot, .pe])
    #expect(kinds(pe([".text"], extra: [(56, [0x41, 0x52, 0x4d, 0x64])])) == [.arm64Image, .pe])
    var broken = pe([".text"])
    broken[0x3f] = 0xff
    #expect(kinds(broken) == [])
  }

  private func sum(_ words: [UInt32]) -> [UInt8] {
    (words + [words.reduce(0) { $0 &- $1 }]).flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
  }

  @Test func multiboot() {
    let one = sum([0x1bad_b002, 3])
    #expect(kinds(file([(8, one)])) == [.multiboot1])
    // The last place is 12 bytes before 8192 for version 1, 16 before 32768 for version 2.
    #expect(kinds(file([(8180, one)], size: 9000)) == [.multiboot1])
    #expect(kinds(file([(8184, one)], size: 9000)) == [])
    #expect(kinds(file([(10, one)])) == [])
    var wrong = one
    wrong[8] ^= 1
    #expect(kinds(file([(8, wrong)])) == [])
    let two = sum([0xe852_50d6, 0, 24])
    #expect(kinds(file([(16, two)])) == [.multiboot2])
    #expect(kinds(file([(20, two)])) == [])
    let elf = ELFBuilder().segment(flags: [.read, .execute], virtual: 0x10_0000, bytes: one).build()
    #expect(kinds(elf) == [.elf, .multiboot1])
  }

  @Test func reasonsSayWhatWasSeen() {
    let found = ELFBuilder().build().withRawSpan { sniff($0) }
    #expect(found.map(\.reason) == ["0x7f \"ELF\" at 0"])
  }
}

extension ArraySlice<UInt8> {
  fileprivate func withContiguous<Result>(_ body: (RawSpan) -> Result) -> Result { Array(self).withRawSpan(body) }
}
