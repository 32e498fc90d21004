import TestSupport
import Testing

/// `perch diff`, as a person runs it.
@Suite struct DiffTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func run(_ first: String, _ second: String, _ path: String) throws -> (status: Int32, result: JSONDocument) {
    let run = try PerchTool.run(["diff", "--loader", first, "--loader", second, path, "--format", "json"])
    let json = try JSONDocument(parsing: run.output)
    #expect(try Schemas.load("diff-1.0").violations(in: json) == [])
    return (run.status, json["result"])
  }

  @Test func aLoaderAgreesWithItself() throws {
    let path = try folder.write(CheckTests.multiboot(), to: "kernel")
    let (status, result) = try run("grub-multiboot", "grub-multiboot", path)
    #expect(status == 0)
    #expect(result["differences"].elements.isEmpty)
  }

  /// Both put the one segment at its p_paddr and enter it; only what they say about themselves differs.
  @Test func twoMultibootLoadersPutBytesAtTheSamePlace() throws {
    let path = try folder.write(CheckTests.multiboot(), to: "kernel")
    let (_, result) = try run("grub-multiboot", "qemu-multiboot", path)
    let fields = Set(result["differences"].elements.compactMap { $0["field"].string })
    #expect(fields.isDisjoint(with: ["verdict", "bytes", "zeroFill", "mode", "address"]))
  }

  /// GRUB loads ELF64 (multiboot_elfxx.c); QEMU refuses EM_X86_64 (hw/i386/multiboot.c).
  @Test func aVerdictIsADifference() throws {
    let path = try folder.write(CheckTests.multiboot(machine: .x86_64), to: "kernel")
    let (status, result) = try run("grub-multiboot", "qemu-multiboot", path)
    #expect(status == 1)
    #expect(result["differences"].elements.map { $0["field"].string } == ["verdict"])
    #expect(result["differences"][0]["second"] == .string("refuses"))
    let text = try PerchTool.run(["diff", "--loader", "grub-multiboot", "--loader", "qemu-multiboot", path])
    #expect(text.output.contains("Cannot load x86-64 image"))
  }

  @Test(arguments: [
    ["x"], ["x", "--loader", "kexec"], ["x"] + Array(repeatElement(["--loader", "kexec"], count: 3).joined()),
  ])
  func twoLoadersAreCompared(arguments: [String]) throws {
    let result = try PerchTool.run(["diff"] + arguments)
    #expect(result.status == 2)
    #expect(result.output.isEmpty)
  }
}
