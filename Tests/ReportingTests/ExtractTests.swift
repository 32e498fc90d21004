import Foundation
import TestSupport
import Testing

/// `perch extract`, through the real executable, against the bytes that the image was made of.
@Suite struct ExtractTests {
  let folder: TemporaryFolder
  let image: String

  init() throws {
    folder = try TemporaryFolder()
    image = try folder.write(SyntheticImages.bzImage(), to: "bzImage")
  }

  /// By name, since a test's arguments are printed.
  static let parts: [String: [UInt8]] = [
    "vmlinux": SyntheticImages.elf, "relocs": SyntheticImages.relocations,
    "payload": SyntheticImages.elf + SyntheticImages.relocations,
    // Four sectors of setup code behind the boot sector.
    "setup": Array(SyntheticImages.bzImage().prefix(5 * 512)),
  ]

  @Test(arguments: parts.keys.sorted())
  func writesExactlyThePart(part: String) throws {
    let bytes = try #require(Self.parts[part])
    let target = folder.path(part)
    let result = try PerchTool.run(["extract", image, "--part", part, "-o", target])
    #expect(result.status == 0)
    #expect(result.output == "" && result.errors == "")
    #expect(try Data(contentsOf: URL(filePath: target)) == Data(bytes))
  }

  @Test func replacesAFileAndLeavesNothingElse() throws {
    let target = try folder.write([1, 2, 3], to: "out")
    #expect(try PerchTool.run(["extract", image, "-o", target]).status == 0)
    #expect(try Data(contentsOf: URL(filePath: target)) == Data(SyntheticImages.elf))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == ["bzImage", "out"])
  }

  @Test func writesToStandardOutput() throws {
    let result = try PerchTool.run(["extract", image, "--part", "payload", "-o", "-"])
    #expect(result.status == 0)
    #expect(result.output.utf8.dropFirst().starts(with: "ELF".utf8))
  }

  @Test func aPartThatIsNotThereEndsWithThreeAndWritesNothing() throws {
    let elf = try folder.write(SyntheticImages.elf, to: "vmlinux")
    for part in ["relocs", "payload", "setup"] {
      let result = try PerchTool.run(["extract", elf, "--part", part, "-o", folder.path("out")])
      #expect(result.status == 3)
      #expect(result.errors.hasPrefix("error[K0107]: the image has no part '\(part)'"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
  }
}
