import Foundation
import TestSupport
import Testing

/// Where `perch walk` takes memory and registers from, and what it refuses.
@Suite struct WalkSourceTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The same memory in two files, of which the second also holds what is not meant.
  @Test func memoryInPieces() throws {
    let bytes = RAMFile.fourLevels.bytes
    let low = try folder.write(Array(bytes[..<0x3000]), to: "low@1")
    let high = try folder.write([0xff, 0xff, 0xff, 0xff] + bytes[0x3000...] + [0xff], to: "high")
    let whole = try folder.write(bytes, to: "whole")
    let options = ["--mode", "x86-64", "--cr3", "0x1000", "--format", "json"]
    let pieces = try PerchTool.run(
      ["walk", "--memory", "\(low)@0", "--memory", "\(high)@0x3000+4:12K"] + options)
    let one = try PerchTool.run(["walk", "--memory", whole] + options)
    #expect(pieces.status == 0, "\(pieces.errors)")
    let both = try (JSONDocument(parsing: pieces.output), JSONDocument(parsing: one.output))
    #expect(both.0["result"]["runs"] == both.1["result"]["runs"])
    #expect(both.0["result"]["memory"].elements.count == 2)
    #expect(both.0["result"]["memory"].elements.last?["fileOffset"] == .string("0x4"))
    let address = try PerchTool.run(["walk", "--memory", "\(whole)@0"] + options + ["0x1000"])
    #expect(try JSONDocument(parsing: address.output)["result"]["outcome"]["physical"] == .string("0x9000"))
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    var options: [String]
    var status: Int32
    var says: [String]
    var testDescription: String { options.joined(separator: " ") }

    init(_ options: String, _ status: Int32, _ says: String...) {
      self.options = options.split(separator: " ").map(String.init)
      self.status = status
      self.says = says
    }
  }

  static let refusals = [
    Refusal("RAM", 2, "K0303", "raw memory holds no registers"),
    Refusal("RAM --cr3 0", 2, "K0303", "--mode i386, pae, x86-64 or x86-64-la57"),
    Refusal("RAM --mode pae", 2, "K0303", "CR3"),
    Refusal("RAM --mode mips --cr3 0", 2, "x86-64-la57"),
    Refusal("RAM --mode pae --cr3 0 --cr3 0", 2, "--cr3 is given 2 times"),
    Refusal("RAM --mode pae --satp 1", 2, "RISC-V"),
    Refusal("RAM --cr3 0 --satp 1", 2, "x86 and RISC-V"),
    Refusal("RAM --tcr 0x80000000", 2, "--ttbr0, --ttbr1 or both"),
    Refusal("RAM --mode sv39", 2, "--satp"),
    Refusal("RAM --mode sv48 --satp 0x8000000000000001", 2, "Sv39"),
    Refusal("RAM --mode pae --cr3 0 nonsense", 2, "nonsense"),
    Refusal("RAM --mode pae --cr3 0 --limit 1000001", 2, "1000000"),
    Refusal("0x0 --memory RAM@0 0x0 --mode pae --cr3 0", 2, "at most an address"),
    Refusal("", 2, "--memory"),
    // The RAM has 0x6000 bytes.
    Refusal("RAM --mode x86-64 --cr3 0x6000", 3, "K0302", "0x6000", "from 0x0 to 0x5fff"),
    Refusal("--memory RAM@0x1000 --mode x86-64 --cr3 0", 3, "K0302", "from 0x1000 to 0x6fff"),
    Refusal("--memory RAM@0+0x6000 --mode x86-64 --cr3 0", 3, "K0110", "0x6000"),
    Refusal("--memory RAM@0:1M --mode x86-64 --cr3 0", 3, "K0110", "0x100000"),
    Refusal("--memory RAM@0 --memory RAM@0x1000 --mode pae --cr3 0", 3, "K0110", "overlaps"),
    Refusal("--memory RAM@0x100000000000000 --mode pae --cr3 0", 3, "K0110", "0x100000000000000"),
    Refusal("/nonexistent/core", 3, "K0110", "No such file"),
    Refusal("/", 3, "K0110"),
    Refusal("EMPTY --mode pae --cr3 0", 3, "K0110", "not empty"),
    Refusal("ELF", 3, "K0110", "EI_CLASS"),
    Refusal("RAM --satp 0", 3, "K0301", "satp.MODE", "found:   0x0", "8 (Sv39), 9 (Sv48), 10 (Sv57)"),
    Refusal("RAM --satp 0xb000000000000001", 3, "K0301", "found:   0xb"),
    // TG0 is 3; EPD0; T1SZ is 8; TG1 is 0; IPS is 7.
    Refusal("RAM --tcr 0x8000c010 --ttbr0 0", 3, "K0301", "TCR_EL1.TG0", "found:   0x3"),
    Refusal("RAM --tcr 0x80000090 --ttbr0 0", 3, "K0301", "TCR_EL1.EPD0", "found:   0x1"),
    Refusal("RAM --tcr 0x80080010 --ttbr1 0", 3, "K0301", "TCR_EL1.T1SZ", "found:   0x8", "16 to 28"),
    Refusal("RAM --tcr 0x00100010 --ttbr1 0", 3, "K0301", "TCR_EL1.TG1", "found:   0x0"),
    Refusal("RAM --tcr 0x780100010 --ttbr1 0", 3, "K0301", "TCR_EL1.IPS", "found:   0x7"),
    Refusal("RAM --tcr 0x80000010 --ttbr0 0 --sctlr 0", 3, "K0301", "SCTLR_EL1.M"),
    Refusal("RAM --mode pae --cr3 0 --cr0 0x11", 3, "K0301", "CR0.PG"),
  ]

  @Test(arguments: refusals) func refuses(refusal: Refusal) throws {
    let names = [
      "RAM": try RAMFile.fourLevels.write(to: "ram", in: folder), "EMPTY": try folder.write([], to: "empty"),
      "ELF": try folder.write([0x7f, 0x45, 0x4c, 0x46] + [UInt8](repeating: 0xff, count: 60), to: "elf"),
    ]
    let options = refusal.options.map { word in
      names.reduce(word) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
    }
    let run = try PerchTool.run(["walk"] + options)
    #expect(run.status == refusal.status, "\(run.errors)")
    #expect(run.output.isEmpty)
    for words in refusal.says { #expect(run.errors.contains(words), "\(run.errors)") }
  }

  /// A page directory whose every entry is itself: 512³ paths. The limits end the walk.
  @Test func tablesThatPointToThemselves() throws {
    var ram = RAMFile(size: 0x1000)
    for index in 0..<512 { ram.set(index * 8, 3) }
    let run = try PerchTool.run(
      [
        "walk", try ram.write(to: "ram", in: folder), "--mode", "x86-64", "--cr3", "0", "--limit", "10",
        "--table-limit", "100", "--format", "json",
      ], seconds: 20)
    #expect(run.status == 0)
    let json = try JSONDocument(parsing: run.output)
    #expect(try Schemas.load("walk-1.0").violations(in: json) == [])
    #expect(json["result"]["totals"]["tables"].number == 100)
    #expect(json["result"]["runs"].elements.count == 10)
    #expect(json["result"]["problems"].elements.first?["kind"] == .string("recursion"))
  }
}
