import Foundation
import KernelImage
import TestSupport
import Testing

/// The contract of exit codes and streams, through the real executable.
@Suite struct CommandLineTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [
    ["inspect"], ["--bogus", "x"], ["inspect", "--section", "nonsense", "x"], ["inspect", "--format", "yaml", "x"],
    ["extract", "x"], ["extract", "x", "-o", "y", "--part", "nonsense"], ["inspect", "x", "--color", "pink"],
    ["inspect", "x", "--max-size", "many"], ["a", "b", "c"],
  ])
  func wrongCommandLinesEndWithTwo(arguments: [String]) throws {
    let result = try PerchTool.run(arguments)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(result.errors.contains("Usage:"))
  }

  @Test(arguments: [
    [], ["--help"], ["inspect", "--help"], ["extract", "--help"], ["help", "inspect"], ["--version"],
  ])
  func helpIsAResultAndFitsAScreen(arguments: [String]) throws {
    let result = try PerchTool.run(arguments)
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect((1...48).contains(result.output.split(separator: "\n", omittingEmptySubsequences: false).count))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsAreGenerated(shell: String) throws {
    let result = try PerchTool.run(["--generate-completion-script", shell])
    #expect(result.status == 0)
    #expect(result.output.contains("inspect"))
    #expect(result.output.contains("relocs"))
  }

  @Test(arguments: ["/nonexistent/kernel", "/"])
  func unreadableFilesEndWithThree(path: String) throws {
    for verb in [[], ["inspect"]] {
      let result = try PerchTool.run(verb + [path])
      #expect(result.status == 3)
      #expect(result.output == "")
      #expect(result.errors.hasPrefix("error[K0501]: "))
    }
  }

  @Test func unrecognisedFilesEndWithThreeAndShowTheirFirstBytes() throws {
    let path = try folder.write(Array("hello, world, this is no kernel".utf8), to: "text")
    let result = try PerchTool.run(["inspect", path])
    #expect(result.status == 3)
    #expect(result.output == "")
    // "hello, world, th"
    #expect(
      result.errors.hasPrefix(
        """
        error[K0102]: the file is nothing Perch recognises
          --> \(path): file offset 0x0
           |  the first bytes are 68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 2c 20 74 68

        """))
  }

  @Test func anEmptyFileEndsWithThree() throws {
    let result = try PerchTool.run([try folder.write([], to: "empty")])
    #expect(result.status == 3)
    #expect(result.errors.contains("the file is empty"))
  }

  @Test func aTruncatedELFSaysFieldAndOffset() throws {
    // e_entry lies at 0x18 and has 8 bytes.
    let path = try folder.write(Array(SyntheticImages.elf.prefix(0x1a)), to: "short")
    let result = try PerchTool.run(["inspect", path])
    #expect(result.status == 3)
    #expect(result.errors.hasPrefix("error[K0101]: the file ends before e_entry does\n"))
    #expect(result.errors.contains("  --> \(path): e_entry, file offset 0x18\n"))
    #expect(result.errors.contains("the file has 0x1a (26) bytes"))
  }

  @Test func aPayloadThatIsNotWhatItSaysEndsWithThree() throws {
    // The magic of gzip (RFC 1952) and then no deflate stream.
    let payload: [UInt8] = [0x1f, 0x8b, 8, 0] + [UInt8](repeating: 0xff, count: 96)
    let path = try folder.write(SyntheticImages.bzImage(payload: payload), to: "broken")
    let result = try PerchTool.run(["inspect", path])
    #expect(result.status == 3)
    #expect(result.output == "")
    #expect(result.errors.contains("payload, gzip"))
    // What needs no payload can be seen all the same.
    #expect(try PerchTool.run(["inspect", path, "--section", "setup"]).status == 0)
  }

  /// Two tables of the whole file: counting them costs sections times file size.
  @Test(arguments: [(SectionType.relocationsWithAddends, UInt64(24)), (.symbolTable, 24)])
  func tablesThatOverlapEndWithThree(type: SectionType, entrySize: UInt64) throws {
    var image = ELFBuilder(type: .executable, machine: .x86_64)
      .section("a", type: type, entrySize: entrySize).section("b", type: type, entrySize: entrySize).build()
    // e_shoff lies at 0x28; sh_offset and sh_size at 24 and 32 of a header of 64 bytes; 24 is the size of an entry.
    let table = Int(image[0x28]) | Int(image[0x29]) << 8
    let size = image.count / 24 * 24
    for section in 1...2 {
      for byte in 0..<8 {
        image[table + section * 64 + 24 + byte] = 0
        image[table + section * 64 + 32 + byte] = UInt8(truncatingIfNeeded: size >> (8 * byte))
      }
    }
    let result = try PerchTool.run(["inspect", try folder.write(image, to: "overlap")])
    #expect(result.status == 3)
    let offset = String(table + 2 * 64 + 32, radix: 16)
    #expect(result.errors.contains("section header 2: sh_size, file offset 0x\(offset)\n"))
  }

  @Test func aKernelThatIsOnlyNamedIsNoError() throws {
    let path = try folder.write(SyntheticImages.arm64Image, to: "Image")
    let summary = try PerchTool.run([path])
    #expect(summary.status == 0)
    #expect(summary.output.contains("Linux arm64 Image"))
    let extraction = try PerchTool.run(["extract", path, "-o", folder.path("out")])
    #expect(extraction.status == 3)
    #expect(extraction.errors.hasPrefix("error[K0105]: "))
  }

  @Test func aFullDiskEndsWithFive() throws {
    let path = try folder.write(SyntheticImages.elf, to: "vmlinux")
    let result = try PerchTool.run(["extract", path, "-o", "/dev/full"])
    #expect(result.status == 5)
    #expect(result.errors.hasPrefix("error[K0502]: "))
  }

  @Test func resultsHaveColourOnlyWhenAsked() throws {
    let path = try folder.write(SyntheticImages.elf, to: "vmlinux")
    let plain = try PerchTool.run(["inspect", path])
    #expect(plain.status == 0)
    #expect(!plain.output.contains("\u{1b}"))
    let colored = try PerchTool.run(["inspect", path, "--color", "always"])
    #expect(colored.output.contains("\u{1b}["))
    #expect(colored.output.replacing(/\u{1b}\[[0-9;]*m/, with: "") == plain.output)
    let error = try PerchTool.run(["inspect", "/nonexistent", "--color", "always"])
    #expect(error.errors.contains("\u{1b}[1;31merror[K0501]"))
  }
}
