import Foundation
import TestSupport
import Testing

/// `perch walk` on memory whose every entry the test wrote.
@Suite struct WalkTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The lines of a text, each with single spaces.
  func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
  }

  func walk(_ ram: RAMFile, _ arguments: [String]) throws -> PerchTool.Result {
    try PerchTool.run(["walk", try ram.write(to: "ram", in: folder)] + arguments)
  }

  static let fourLevels = ["--mode", "x86-64", "--cr3", "0x1000"]

  @Test func allRunsOfFourLevels() throws {
    let run = try walk(.fourLevels, Self.fourLevels)
    #expect(run.status == 0, "\(run.errors)")
    let lines = lines(run.output)
    // 4 + 8 + 4 KiB, 2 MiB and 1 GiB; PML4, two PDPTs, PD, PT and the table that is not there.
    #expect(lines.starts(with: ["5 runs map 1.0 GiB through 6 tables."]))
    #expect(lines.contains("1 run is writable and executable (W+X): 2 MiB."))
    #expect(lines.contains("2 problems in the tables."))
    #expect(lines.contains("memory 24 KiB in 1 piece"))
    #expect(lines.contains("CR3 0x1000 (x86-64, four levels)"))
    #expect(
      lines.contains(
        "read under CR0.WP 1 (assumed), CR4.SMEP 0 (assumed), CR4.SMAP 0 (assumed), EFER.NXE 1 (assumed)"))
    #expect(
      lines.suffix(5) == [
        "0x1000-0x2000 4 KiB 0x9000 1 × 4 KiB r-x r-x WB",
        "0x2000-0x4000 8 KiB 0xa000 2 × 4 KiB rw- rw- WB",
        "0x5000-0x6000 4 KiB 0xfe000 1 × 4 KiB rw- - UC",
        "0x200000-0x400000 2 MiB 0x400000 1 × 2 MiB rwx rwx WB W+X",
        "0xffffffffc0000000-0x10000000000000000 1 GiB 0x40000000 1 × 1 GiB rw- - WB global",
      ])
    #expect(
      lines.contains(
        "0x400000 PD 0x4010 0x8020a1 the PD entry 0x8020a1 at 0x4010 sets bit 13, which is reserved here"))
    #expect(lines.contains("0x600000 PT 0x100000 0x0 the PT entry at 0x100000 lies outside memory"))
  }

  @Test func jsonIsAsTheSchemaSaysAndHasTheSameRows() throws {
    let run = try walk(.fourLevels, Self.fourLevels + ["--format", "json"])
    let json = try JSONDocument(parsing: run.output)
    #expect(try Schemas.load("walk-1.0").violations(in: json) == [])
    #expect(json["result"]["runs"].elements.count == 5)
    #expect(json["result"]["problems"].elements.count == 2)
    #expect(json["result"]["problems"].elements.first?["kind"] == .string("reservedBits"))
    // 0x40204000: 1 GiB, 2 MiB and 16 KiB.
    #expect(json["result"]["totals"]["mappedBytes"].number == Double(0x4020_4000))
    #expect(json["input"]["size"].number == Double(0x6000))
    let limited = try walk(.fourLevels, Self.fourLevels + ["--format", "json", "--limit", "2", "--table-limit", "4"])
    let less = try JSONDocument(parsing: limited.output)
    #expect(try Schemas.load("walk-1.0").violations(in: less) == [])
    #expect(less["result"]["runs"].elements.count == 2)
    // The fifth table would be that of the PD's last entry: four runs lie before it, and the reserved bits.
    #expect(less["result"]["totals"]["runs"].number == 4)
    #expect(less["result"]["totals"]["isComplete"] == .bool(false))
    #expect(less["result"]["problems"].elements.last?["kind"] == .string("tableLimit"))
  }

  @Test func oneAddressLevelByLevel() throws {
    let run = try walk(.fourLevels, Self.fourLevels + ["0x2abc"])
    #expect(run.status == 0)
    let lines = lines(run.output)
    #expect(lines.first == "0x2abc is physical 0xaabc, in a page of 4 KiB: rw-, user rw-.")
    let start = try #require(lines.firstIndex(of: "Walk from CR3 0x1000"))
    #expect(
      lines[(start + 2)...].prefix(5) == [
        "PML4 47:39 0 0x1000 0x2027 P R/W U/S A - table 0x2000",
        "PDPT 38:30 0 0x2000 0x4027 P R/W U/S A - table 0x4000",
        "PD 29:21 0 0x4000 0x5027 P R/W U/S A - table 0x5000",
        "PT 20:12 2 0x5010 0x800000000000a067 P R/W U/S A D NX - page 0xa000, 4 KiB",
        "* offset in the page: bits 11:0, 0xabc",
      ])
    #expect(lines.contains("physical 0xaabc"))
    #expect(lines.contains("memory type WB"))
  }

  @Test func whatALevelTakesAway() throws {
    let run = try walk(.fourLevels, Self.fourLevels + ["0xffffffffc0000123"])
    #expect(run.status == 0)
    #expect(
      lines(run.output).contains(
        "PML4 47:39 511 0x1ff8 0x8000000000003023 P R/W A NX user execute table 0x3000"))
    #expect(lines(run.output).contains("physical 0x40000123"))
    // IA32_PAT with write-combining in entry 0.
    let pat = try walk(.fourLevels, Self.fourLevels + ["0xffffffffc0000123", "--pat", "0x0007040600070401"])
    #expect(lines(pat.output).contains("memory type WC"))
  }

  @Test(arguments: [
    ("0x4000", "the PT entry 0x0 at 0x5020 is not present (P is 0)", "notPresent"),
    ("0x400000", "the PD entry 0x8020a1 at 0x4010 sets bit 13, which is reserved here", "reservedBits"),
    ("0x601000", "the PT entry at 0x100008 lies outside memory", "outsideMemory"),
    (
      "0x800000000000", "the address is not one that the mode translates: bits 63:48 must be equal to bit 47",
      "notCovered"
    ),
  ])
  func anAddressThatIsNotTranslatedEndsWithOne(address: String, reason: String, kind: String) throws {
    let text = try walk(.fourLevels, Self.fourLevels + [address])
    #expect(text.status == 1)
    #expect(text.errors.isEmpty)
    #expect(lines(text.output).contains("not translated \(reason)"), "\(text.output)")
    let run = try walk(.fourLevels, Self.fourLevels + [address, "--format", "json"])
    #expect(run.status == 1)
    let json = try JSONDocument(parsing: run.output)
    #expect(try Schemas.load("walk-1.0").violations(in: json) == [])
    #expect(json["result"]["outcome"]["reason"] == .string(kind))
  }

  struct Mode: CustomTestStringConvertible, Sendable {
    var ram: RAMFile
    var options: [String]
    var runs: [String]
    var testDescription: String { options.joined(separator: " ") }
  }

  static let modes = [
    Mode(
      ram: .i386, options: ["--mode", "i386", "--cr3", "0x1000"],
      runs: [
        "0x3000-0x4000 4 KiB 0x7000 1 × 4 KiB r-x r-x WB",
        "0x400000-0x800000 4 MiB 0xc00000 1 × 4 MiB rwx - WB W+X",
      ]),
    Mode(
      ram: .pae, options: ["--mode", "pae", "--cr3", "0x1020"],
      runs: ["0x40000000-0x40200000 2 MiB 0x600000 1 × 2 MiB rw- WB"]),
    // SUM is 0: the supervisor does not touch the page of a user.
    Mode(
      ram: .sv39, options: ["--satp", "0x8000000000000001"],
      runs: [
        "0x0-0x40000000 1 GiB 0x80000000 1 × 1 GiB r-x - PMA global",
        "0xffffffffffe10000-0xffffffffffe20000 64 KiB 0x90000000 1 × 64 KiB --- rw- PMA contiguous",
      ]),
    // IPS 5, TG1 2, T1SZ 25, TG0 0, T0SZ 16; the upper root carries an ASID and CnP.
    Mode(
      ram: .aarch64,
      options: [
        "--tcr", "0x580190010", "--ttbr0", "0x1000", "--ttbr1", "0x0001000000003001", "--mair", "0x04ff",
      ],
      runs: [
        "0x40000000-0x80000000 1 GiB 0x40000000 1 × 1 GiB rw- WB global",
        "0xffffff8000000000-0xffffff8000010000 64 KiB 0x80000000 16 × 4 KiB r-x Device-nGnRE contiguous",
      ]),
    Mode(
      ram: .aarch64, options: ["--tcr", "0x580190090", "--ttbr0", "0", "--ttbr1", "0x3000"],
      runs: ["0xffffff8000000000-0xffffff8000010000 64 KiB 0x80000000 16 × 4 KiB r-x AttrIndx 1 contiguous"]),
  ]

  @Test(arguments: modes) func everyMode(mode: Mode) throws {
    let run = try walk(mode.ram, mode.options)
    #expect(run.status == 0, "\(run.errors)")
    #expect(Array(lines(run.output).suffix(mode.runs.count)) == mode.runs)
    let json = try JSONDocument(parsing: walk(mode.ram, mode.options + ["--format", "json"]).output)
    #expect(try Schemas.load("walk-1.0").violations(in: json) == [])
    #expect(json["result"]["runs"].elements.count == mode.runs.count)
  }

  /// A pointer where no level is below, and 0b01 at the last level, where it is no page.
  @Test func encodingsThatAreReserved() throws {
    var ram = RAMFile.sv39
    ram.set(0x3000, 0x4000 >> 2 | 1)
    let pointer = try walk(ram, ["--satp", "0x8000000000000001", "0xffffffffffe00000"])
    #expect(pointer.status == 1)
    #expect(
      pointer.output.contains("the level 0 entry 0x1001 at 0x3000 points to a table, and there is no level below"))
    ram = .aarch64
    ram.set(0x5080, 0x8001_0401)
    let block = try walk(ram, ["--tcr", "0x580190010", "--ttbr1", "0x3000", "0xffffff8000010000"])
    #expect(block.status == 1)
    #expect(
      block.output.contains("the L3 entry 0x80010401 at 0x5080 has an encoding in bit 1 that is reserved here"))
  }

  @Test func bothHalvesOfAArch64AreAsked() throws {
    let options = ["--tcr", "0x580190010", "--ttbr0", "0x1000", "--ttbr1", "0x3000"]
    let lower = try walk(.aarch64, options + ["0x40000040"])
    #expect(lines(lower.output).contains("Walk from TTBR0_EL1 0x1000"))
    #expect(
      lines(lower.output).contains(
        "L1 38:30 1 0x2008 0x60000040000701 V AttrIndx=0 AP[2:1]=0 SH=3 AF PXN UXN - page 0x40000000, 1 GiB"))
    let upper = try walk(.aarch64, options + ["0xffffff8000001008"])
    #expect(upper.status == 0)
    #expect(
      lines(upper.output).contains("L1 38:30 0 0x3000 0x4000000000004003 V APTable=2 write table 0x4000"))
    #expect(lines(upper.output).contains("physical 0x80001008"))
  }
}
