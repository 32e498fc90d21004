import Foundation
import KernelImage
import TestSupport
import Testing

/// `perch inspect`, through the real executable.
@Suite struct InspectTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func everySyntheticImageIsAsTheSchemaSays() throws {
    let images = [
      SyntheticImages.elf, SyntheticImages.bzImage(), SyntheticImages.arm64Image,
      ELFBuilder(byteOrder: .big, machine: .powerPC64, entry: 0x1000).build(),
      ELFBuilder(class: .bits32, machine: .i386, entry: 0x10_0000).segment(virtual: 0x10_0000, bytes: [0xf4]).build(),
    ]
    for image in images {
      let path = try folder.write(image, to: "image")
      #expect(try violations(["inspect", path]) == [])
      #expect(try violations(["summary", path]) == [])
    }
  }

  @Test func theToolItselfIsAsTheSchemaSays() throws {
    // A dynamically linked executable: a dynamic table, relocations, symbols, thread-local storage.
    let json = try json(["inspect", PerchTool.executable.path])
    #expect(try Schemas.load("inspect-1.0").violations(in: json) == [])
    for section in ["dynamic", "relocations", "symbols", "notes"] {
      #expect(!json["result"][section].elements.isEmpty, "\(section)")
    }
  }

  @Test func readsWell() throws {
    let path = try folder.write(SyntheticImages.elf, to: "vmlinux")
    let result = try PerchTool.run(["inspect", path, "--section", "segments,notes"])
    let size = SyntheticImages.elf.count
    #expect(size / 1024 == 8 && !size.isMultiple(of: 1024), "the golden text below says 8.x KiB")
    #expect(result.output.hasPrefix("\(path): ELF, 8."))
    // Offsets: the segments lie at 0x1000 and 0x2000, congruent to their addresses; the notes behind them, at 0x2004.
    // A note is 12 bytes of header, the name padded to 4, the descriptor: 20 bytes each here.
    #expect(
      result.output.hasSuffix(
        """
        Program headers
          #  type  flags  file bytes                virtual   physical        in memory   align
          0  LOAD  r-x    0x1000-0x2000  0xffffffff81200000  0x1200000   0x1000 (4 KiB)  0x1000
          1  LOAD  rwx    0x2000-0x2004  0xffffffff81400000  0x1400000  0x3000 (12 KiB)  0x1000
          2  NOTE  r--    0x2004-0x202c                 0x0        0x0      0x28 (40 B)     0x4
          * segment 1 is writable and executable

        Notes
          in         offset  owner  type  name          size  value
          segment 2  0x2004  Xen      18  PHYS32_ENTRY   4 B  0x1200000
          segment 2  0x2018  GNU       3  BUILD_ID       4 B  deadbeef

        """), "\(result.output)")
  }

  @Test func theSummaryFitsAScreenAndSaysWhatBootsIt() throws {
    let path = try folder.write(SyntheticImages.bzImage(), to: "bzImage")
    let result = try PerchTool.run([path])
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 24)
    #expect(lines[0].hasPrefix("\(path): Linux x86 bzImage, "))
    #expect(result.output.contains("xloadflags has KERNEL_64"))
    #expect(result.output.contains("PHYS32_ENTRY 0x1200000, once extracted"))
    #expect(result.output.contains("3 places in Linux's table"))
  }

  @Test func jsonHasARowForEveryRowOfText() throws {
    let path = try folder.write(SyntheticImages.bzImage(), to: "bzImage")
    let result = try json(["inspect", path])["result"]
    // Protocol 2.15 defines all 39 fields of boot.rst's table.
    #expect(result["setup"].elements.count == 39)
    #expect(result["segments"].elements.count == 3)
    // The empty section 0, .comment and the section names.
    #expect(result["sections"].elements.count == 3)
    #expect(result["relocationTable"].elements.map { $0["count"] } == [.number(1), .number(0), .number(2)])
    #expect(result["payloads"][0]["unpackedSize"].number == Double(SyntheticImages.elf.count + 24))
    #expect(result["image"]["buildID"] == .string("deadbeef"))
    let titles = ["setup": "Setup header", "segments": "Program headers", "sections": "Section headers"]
    for (section, title) in titles {
      let text = try PerchTool.run(["inspect", path, "--section", section]).output
      // The title, the line of column titles, then a line a row; a row that continues starts with more spaces.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.hasPrefix(title) }
      let rows = lines.dropFirst(2).prefix { $0.hasPrefix("  ") && !$0.hasPrefix("  *") }
        .filter { !$0.hasPrefix("          ") }
      #expect(rows.count == result[section].elements.count, "\(section)")
    }
  }

  @Test func onlyTheSectionsAskedForAreInJSON() throws {
    let path = try folder.write(SyntheticImages.bzImage(), to: "bzImage")
    let result = try json(["inspect", path, "--section", "notes,setup"])["result"]
    #expect(result.members.keys.sorted() == ["notes", "setup"])
  }

  @Test(.enabled(if: DebianKernel.areExpected), arguments: DebianKernel.x86)
  func debianKernelsAreAsTheSchemaSays(kernel: DebianKernel) throws {
    #expect(try violations(["inspect", kernel.path]) == [])
    let text = try PerchTool.run(["inspect", kernel.path]).output
    #expect(text.contains("SUPPORTED_FEATURES"))
    let summary = try PerchTool.run([kernel.path]).output
    #expect(summary.split(separator: "\n", omittingEmptySubsequences: false).count <= 24)
  }

  @Test(
    .enabled(if: Readelf.isExpected),
    arguments: ["/bin/ls", "/proc/self/exe", "/lib/x86_64-linux-gnu/libc.so.6", "perch"])
  func sectionsLieInTheSegmentsThatReadelfSays(file: String) throws {
    let path = file == "perch" ? PerchTool.executable.path : URL(filePath: file).resolvingSymlinksInPath().path
    guard FileManager.default.fileExists(atPath: path) else { return }
    let segments = try json(["inspect", path, "--section", "segments"])["result"]["segments"].elements
    let ours = segments.map { $0["sections"].elements.compactMap(\.string) }
    #expect(!ours.isEmpty)
    #expect(ours == (try Readelf.sectionsInSegments(of: path)))
  }

  private func json(_ arguments: [String]) throws -> JSONDocument {
    let result = try PerchTool.run(arguments + ["--format", "json"])
    try #require(result.status == 0, "\(result.errors)")
    return try JSONDocument(parsing: result.output)
  }

  private func violations(_ arguments: [String]) throws -> [String] {
    try Schemas.load("inspect-1.0").violations(in: json(arguments))
  }
}
