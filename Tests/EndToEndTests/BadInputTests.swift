import Foundation
import TestSupport
import Testing

/// Images that are cut short, altered or contradict themselves, given to the tool as a person would.
///
/// Every run must end by itself: fine where the image still means something, else 3 or 4 with the reason on stderr and
/// nothing on stdout.
@Suite(.serialized) struct BadInputTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Runs one verb and checks what holds for every input.
  @discardableResult
  func run(_ verb: String, _ path: String, _ extra: [String] = [], label: String) throws -> PerchTool.Result {
    let result = try PerchTool.run([verb, path] + extra, seconds: 20)
    #expect([0, 3, 4].contains(result.status), "\(label): \(verb) ended with \(result.status): \(result.errors)")
    guard result.status != 0 else { return result }
    #expect(result.output.isEmpty, "\(label): \(verb) failed and printed a result")
    #expect(result.errors.contains(#/^error\[K0[0-9]{3}\]: /#), "\(label): \(result.errors)")
    return result
  }

  /// The position independent kernel: the image whose plan depends on every header field.
  func tinyKernel() throws -> AlteredFile {
    try AlteredFile(copying: try TinyKernel.pieRELA.path(), to: folder.path("kernel.elf"))
  }

  @Test func everyByteOfTheELFHeadersCanBeWrong() throws {
    let file = try tinyKernel()
    let start = Int(file.load(UInt64.self, at: 32))
    let count = Int(file.load(UInt16.self, at: 56))
    for offset in Array(0..<64) + Array(start..<start + 56 * count) {
      // A single alteration per byte keeps the suite quick; which one goes by the byte's place.
      let old = file.load(UInt8.self, at: offset)
      let new = [0x00, 0xff, old ^ 0xff][offset % 3]
      try file.with([(offset, [new])]) { try run("plan", file.path, label: "byte \(offset) = \(new)") }
    }
  }

  /// `p_align` is the step of the search for a place: no power of two may be too large for its arithmetic.
  @Test(arguments: [0, 1, 31, 32, 47, 52, 63])
  func alignmentsOfEveryMagnitude(exponent: UInt64) throws {
    let file = try tinyKernel()
    let start = Int(file.load(UInt64.self, at: 32))
    let result = try file.with([(start + 48, (UInt64(1) << exponent).bytes)]) {
      try run("plan", file.path, label: "p_align 2^\(exponent)")
    }
    // The window holds 0x3f000000 bytes, less than 2^30: an image in steps of 2^31 has no place there.
    #expect(result.status == (exponent >= 31 ? 4 : 0))
    if exponent >= 31 { #expect(result.errors.contains("p_align")) }
  }

  @Test(arguments: [0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 63, UInt64.max - 0xfff, UInt64.max])
  func sizesAndOffsetsAtTheEdges(value: UInt64) throws {
    let file = try tinyKernel()
    let start = Int(file.load(UInt64.self, at: 32))
    // e_phoff, e_shoff, then p_offset, p_vaddr, p_paddr, p_filesz, p_memsz of the first segment.
    for offset in [32, 40, start + 8, start + 16, start + 24, start + 32, start + 40] {
      try file.with([(offset, value.bytes)]) {
        for verb in ["plan", "inspect"] { try run(verb, file.path, label: "\(value) at \(offset)") }
      }
    }
  }

  @Test func fileSizeAboveMemorySizeNamesItsPlace() throws {
    let file = try tinyKernel()
    let start = Int(file.load(UInt64.self, at: 32))
    let result = try file.with([(start + 40, UInt64(1).bytes)]) { try run("plan", file.path, label: "p_memsz 1") }
    #expect(result.status == 3)
    #expect(result.errors.contains("file offset"))
    #expect(result.errors.contains("found:"))
  }

  @Test func thousandsOfProgramHeadersThatOverlap() throws {
    let file = try tinyKernel()
    let start = Int(file.load(UInt64.self, at: 32))
    let header = file.bytes(in: start..<start + 56)
    let image = file.bytes(in: 0..<file.count)
    var many = image + Array(repeatElement(header, count: 5000).joined())
    many.replaceSubrange(32..<40, with: UInt64(image.count).bytes)
    many.replaceSubrange(56..<58, with: UInt16(5000).bytes)
    let path = try folder.write(many, to: "many.elf")
    #expect(try run("plan", path, label: "5000 segments").status == 4)
    #expect(try run("inspect", path, label: "5000 segments").status == 0)
  }

  @Test(.enabled(if: DebianKernel.areExpected)) func aBzImageCutAt256Lengths() throws {
    let file = try AlteredFile(copying: DebianKernel.cloud.path, to: folder.path("vmlinuz"))
    for step in (0..<256).reversed() {
      let count = file.count * step / 256
      try file.cut(to: count)
      #expect(try run("plan", file.path, label: "cut to \(count)").status == 3)
    }
  }

  /// All of the setup header: Linux, Documentation/arch/x86/boot.rst, 0x1f1 to 0x26c.
  @Test(.enabled(if: DebianKernel.areExpected)) func everyByteOfTheSetupHeaderCanBeWrong() throws {
    let file = try AlteredFile(copying: DebianKernel.cloud.path, to: folder.path("vmlinuz"))
    for offset in 0x1f1..<0x26c {
      let old = file.load(UInt8.self, at: offset)
      let new = [0x00, 0xff, old ^ 0xff][offset % 3]
      try file.with([(offset, [new])]) {
        try run("inspect", file.path, ["--section", "setup"], label: "byte \(offset) = \(new)")
      }
    }
  }

  /// Fields whose value decides what is read and where it goes, each with a value that cannot be.
  @Test(
    .enabled(if: DebianKernel.areExpected),
    arguments: [
      // syssize, payload_offset, payload_length, init_size: beyond the file, or beyond any memory.
      (0x1f4, 0xffff_ffff, 3), (0x248, 0xffff_ffff, 3), (0x248, 0x7fff_ffff, 3), (0x24c, 0xffff_ffff, 3), (0x24c, 3, 3),
      (0x260, 0xffff_ffff, 4),
      // kernel_alignment: no power of two. version and xloadflags: too old for the 64-bit entry.
      (0x230, 0x30_0000, 4), (0x204, 0x020b_5372, 4), (0x234, 0x0000_1501, 4),
    ] as [(Int, UInt32, Int32)])
  func aSetupFieldThatCannotBeIsNamed(offset: Int, value: UInt32, status: Int32) throws {
    let file = try AlteredFile(copying: DebianKernel.cloud.path, to: folder.path("vmlinuz"))
    let result = try file.with([(offset, value.bytes)]) { try run("plan", file.path, label: "\(value) at \(offset)") }
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.contains("0x"))
  }

  @Test(.enabled(if: DebianKernel.areExpected)) func aFailureLeavesNoFile() throws {
    let file = try AlteredFile(copying: DebianKernel.cloud.path, to: folder.path("vmlinuz"))
    // Boot protocol, 1.1 and 1.15: payload_offset at 0x248 counts from the protected-mode code.
    let sectors = Int(file.load(UInt8.self, at: 0x1f1))
    let payload = 512 * (1 + sectors) + Int(file.load(UInt32.self, at: 0x248))
    for magic: [UInt8] in [[0x1f, 0x8b, 8, 0], [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], [0, 0, 0, 0]] {
      try file.with([(payload, magic)]) {
        for verb in ["extract", "pack"] {
          let result = try run(verb, file.path, ["-o", folder.path("out")], label: "\(magic)")
          #expect(result.status == 3, "\(result.errors)")
          #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["vmlinuz"])
        }
      }
    }
  }
}
