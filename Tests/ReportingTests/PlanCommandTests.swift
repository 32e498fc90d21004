import TestSupport
import Testing

/// `perch plan`, through the real executable.
@Suite struct PlanCommandTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func theOutputIsAsTheSchemaSays() throws {
    let path = try folder.write(SyntheticImages.elf, to: "vmlinux")
    let result = try PerchTool.run(["plan", path, "--as", "elf", "--format", "json"])
    try #require(result.status == 0, "\(result.errors)")
    let json = try JSONDocument(parsing: result.output)
    #expect(try Schemas.load("plan-1.0").violations(in: json) == [])
    #expect(json["result"]["entry"]["rip"] == .string("0xffffffff81200010"))
    #expect(json["input"]["size"].number == Double(SyntheticImages.elf.count))
  }

  @Test(.enabled(if: DebianKernel.areExpected), arguments: DebianKernel.x86)
  func debianPlansAreAsTheSchemaSaysAndFitTwoScreens(kernel: DebianKernel) throws {
    let arguments = ["plan", kernel.path, "--kaslr", "7"]
    let json = try JSONDocument(parsing: PerchTool.run(arguments + ["--format", "json"]).output)
    #expect(try Schemas.load("plan-1.0").violations(in: json) == [])
    let lines = try PerchTool.run(arguments).output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect((40...70).contains(lines.count))
    #expect(lines.allSatisfy { $0.count <= 120 })
  }

  @Test func aRefusalEndsWithFourAndSaysWhy() throws {
    // Both segments want addresses above 16 MiB.
    let path = try folder.write(SyntheticImages.elf, to: "vmlinux")
    let result = try PerchTool.run(["plan", path, "--as", "elf", "--memory", "16M", "--physical", "linked"])
    #expect(result.status == 4)
    #expect(result.output == "")
    #expect(result.errors.hasPrefix("error[K02"))
    #expect(result.errors.contains("  --> \(path)\n"))
  }
}
