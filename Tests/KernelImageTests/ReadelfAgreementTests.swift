import Addresses
import Foundation
import KernelImage
import TestSupport
import Testing

/// Headers, segments, sections, notes, dynamic entries, relocations and symbols equal what `readelf` says, field by
/// field.
@Suite("Agreement with readelf")
struct ReadelfAgreementTests {
  @Test("programs of this machine", arguments: ["/bin/ls", "/proc/self/exe"])
  func programs(path: String) throws {
    let bytes = try RealKernels.bytes(path)
    let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let agreement = try Agreement(bytes: bytes, path: real)
    try agreement.checkTables()
    try agreement.checkNotes()
    try agreement.checkDynamic()
    try agreement.checkRelocationsAndSymbols()
  }

  @Test("vmlinux of real kernels", .enabled(if: RealKernels.areWanted, Comment(rawValue: RealKernels.reason)))
  func kernels() throws {
    try #require(!RealKernels.images.isEmpty, Comment(rawValue: RealKernels.reason))
    for image in RealKernels.images {
      let vmlinux = try RealKernels.unpack(try RealKernels.bytes(image))
      let folder = try TemporaryFolder()
      let agreement = try Agreement(bytes: vmlinux, path: try folder.write(vmlinux, as: "vmlinux").path)
      try agreement.checkTables()
      try agreement.checkNotes()
    }
  }

  @Test("built files of either class")
  func built() throws {
    for elfClass in [ELFClass.bits32, .bits64] {
      let bytes = sample(class: elfClass, machine: elfClass == .bits32 ? .i386 : .aarch64).build()
      let folder = try TemporaryFolder()
      let agreement = try Agreement(bytes: bytes, path: try folder.write(bytes, as: "elf").path)
      #expect(agreement.elf.programHeaders.count == 3)
      #expect(agreement.elf.sectionHeaders.count == 4)
      try agreement.checkTables()
      try agreement.checkNotes()
    }
  }

  @Test("big-endian files: the header is decoded, the tables are not")
  func bigEndian() throws {
    for elfClass in [ELFClass.bits32, .bits64] {
      let bytes = sample(class: elfClass, order: .big, machine: elfClass == .bits32 ? .powerPC : .s390).build()
      let folder = try TemporaryFolder()
      let agreement = try Agreement(bytes: bytes, path: try folder.write(bytes, as: "elf").path)
      try agreement.checkHeader()
      #expect(agreement.elf.header.byteOrder == .big)
      #expect(agreement.elf.programHeaders.isEmpty)
      #expect(agreement.elf.sectionHeaders.isEmpty)
    }
  }

  /// An object that GNU as wrote: ELF32 with REL sections and a symbol table.
  @Test func assembled32BitObject() throws {
    let folder = try TemporaryFolder()
    let source = """
      .text
      .globl start
      .type start, @function
      start: movl $table, %eax
      call outside
      .data
      .type table, @object
      table: .long start, table, outside

      """
    let input = try folder.write(Array(source.utf8), as: "object.s")
    let output = folder.url.appendingPathComponent("object.o")
    _ = try Tool.run(["as", "--32", "-o", output.path, input.path])
    let agreement = try Agreement(bytes: try RealKernels.bytes(output.path), path: output.path)
    #expect(agreement.elf.header.class == .bits32)
    try agreement.checkTables()
    try agreement.checkRelocationsAndSymbols()
  }

  private func sample(class elfClass: ELFClass, order: ByteOrder = .little, machine: Machine) -> ELFBuilder {
    ELFBuilder(class: elfClass, byteOrder: order, machine: machine, entry: 0x8010_0010, flags: 0x5)
      .segment(flags: [.read, .execute], virtual: 0x8010_0000, physical: 0x10_0000, bytes: Array(1...200))
      .segment(virtual: 0x8020_0123, physical: 0x20_0123, bytes: [1, 2, 3], memorySize: 0x3000)
      .note(owner: "Xen", type: 6, descriptor: Array("linux\0".utf8))
      .note(owner: "Perch", type: 0x1234, descriptor: [9])
      .section(".first", flags: [.allocate, .execute], address: 0x8010_0000, bytes: [1, 2, 3, 4, 5], alignment: 16)
      .section(".zeros", type: .noBits, flags: [.write, .allocate], address: 0x8020_0126, size: 0x2000, alignment: 4)
  }
}
