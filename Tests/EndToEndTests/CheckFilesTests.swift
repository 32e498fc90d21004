import TestSupport
import Testing

/// `perch check` on several files, and `--module` with arguments.
@Suite struct CheckFilesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// QEMU's Multiboot refuses EM_X86_64 (hw/i386/multiboot.c).
  @Test func aFindingInAnyFileCounts() throws {
    let good = try folder.write(CheckTests.multiboot(), to: "good")
    let bad = try folder.write(CheckTests.multiboot(machine: .x86_64), to: "bad")
    for (files, status) in [([good], 0), ([good, good], 0), ([good, bad], 1), ([bad, good], 1)] as [([String], Int32)] {
      let result = try PerchTool.run(["check", "--loader", "qemu-multiboot"] + files)
      #expect(result.status == status, "\(result.errors)")
    }
    let text = try PerchTool.run(["check", "--loader", "qemu-multiboot", good, bad]).output
    let heads = text.split(separator: "\n").filter { $0.hasPrefix("/") }
    #expect(heads.map { $0.prefix { $0 != ":" } } == [good[...], bad[...]])
  }

  @Test func whatCannotBeReadDoesNotHideTheOthers() throws {
    let good = try folder.write(CheckTests.multiboot(), to: "good")
    let bad = try folder.write(CheckTests.multiboot(machine: .x86_64), to: "bad")
    let files = ["/nonexistent", good, bad]
    let result = try PerchTool.run(["check", "--loader", "qemu-multiboot", "--format", "json"] + files)
    #expect(result.status == 3)
    #expect(result.errors.hasPrefix("error[K0501]: "))
    let json = try JSONDocument(parsing: result.output)
    #expect(try Schemas.load("check-2.0").violations(in: json) == [])
    let found = json["result"]["files"].elements
    #expect(found.map { $0["input"]["path"].string } == files)
    #expect(found.map { $0["error"]["code"].string } == ["K0501", nil, nil])
    #expect(found.map { $0["loaders"][0]["verdict"].string } == [nil, "boots", "refuses"])
  }

  /// What is wrong with the machine is no file's fault, and is said once.
  @Test func aMissingModuleIsSaidOnce() throws {
    let good = try folder.write(CheckTests.multiboot(), to: "good")
    let result = try PerchTool.run(["check", good, good, "--module", "/nonexistent some words"])
    #expect(result.status == 3)
    #expect(result.output.isEmpty)
    #expect(result.errors.split(separator: "error[").count == 1)
    #expect(result.errors.contains("/nonexistent some words"))
  }

  /// Boot information has a module's name and no more (boot-information.h): nothing is dropped silently.
  @Test func perchItselfTakesNoArguments() throws {
    let kernel = try TinyKernel.low.path()
    let module = try folder.write([1], to: "module")
    #expect(try PerchTool.run(["plan", kernel, "--module", module]).status == 0)
    let result = try PerchTool.run(["plan", kernel, "--module", module + " quiet"])
    #expect(result.status == 4)
    #expect(result.errors.contains("without arguments: quiet"), "\(result.errors)")
  }

  /// QEMU hands over the name and, after a space, the arguments (hw/i386/multiboot.c, mb_add_cmdline).
  @Test(arguments: [
    ("plain", "plain", ""), ("plain a b", "plain", "a b"), ("plain  a", "plain", "a"), ("two words", "two words", ""),
    ("two words a", "two words", "a"), ("two a", "two", "a"),
  ])
  func theLongestFileIsTheModule(argument: String, name: String, arguments: String) throws {
    let kernel = try folder.write(CheckTests.multiboot(), to: "kernel")
    try folder.write([1, 2, 3], to: "plain")
    try folder.write([1, 2], to: "two")
    try folder.write([1], to: "two words")
    let result = try PerchTool.run([
      "plan", kernel, "--loader", "qemu-multiboot", "--format", "json", "--module", folder.path(argument),
    ])
    let pieces = try JSONDocument(parsing: result.output)["result"]["pieces"].elements
    let sizes = ["plain": 3, "two": 2, "two words": 1]
    #expect(
      pieces.first { $0["source"].string == "module" }?["destination"]["size"].number == sizes[name].map(Double.init))
    let text = folder.path(name) + (arguments.isEmpty ? "" : " " + arguments)
    let digits = (Array(text.utf8) + [0]).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    #expect(pieces.contains { $0["bytes"].string?.contains(digits) ?? false }, "\(result.errors)")
  }
}
