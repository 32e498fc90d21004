import Addresses
import Placement
import Reporting
import TestSupport
import Testing

@Suite struct PlanReportTests {
  let document: Document

  init() throws { document = PlanReport(try SyntheticPlan.make()).document }

  /// Written by hand from the numbers in `SyntheticPlan`.
  @Test func readsWell() {
    #expect(document.text(style: .plain) == Self.golden)
  }

  @Test func colourChangesNothingButColour() {
    let colored = document.text(style: Style(isColored: true))
    let stripped = colored.replacing(/\u{1b}\[[0-9;]*m/, with: "")
    #expect(colored != stripped)
    #expect(stripped == Self.golden)
  }

  @Test func noLineIsWiderThanATerminal() {
    for line in document.text(style: .plain).split(separator: "\n") {
      #expect(Width.columns(String(line)) <= 120, "\(line)")
    }
  }

  @Test func jsonHasARowForEveryRowOfText() throws {
    let result = try parsed()["result"]
    #expect(result["pieces"].elements.count == 5)
    #expect(result["mappings"].elements.count == 4)
    #expect(result["decisions"].elements.count == 2)
    #expect(result["memory"].elements.count == 2)
    #expect(result["entry"]["registers"].members.count == 16)
  }

  @Test func jsonSaysWhatThePlanSays() throws {
    let json = try parsed()
    #expect(json["schema"] == .string("perch.plan"))
    #expect(json["schemaVersion"] == .string("1.0"))
    #expect(json["tool"] == .string("perch 1.2.3"))
    #expect(json["input"]["size"] == .number(12_345))
    let piece = json["result"]["pieces"][1]
    #expect(piece["file"]["start"] == .string("0x401000"))
    #expect(piece["destination"]["end"] == .string("0x1401800"))
    #expect(piece["zeroFill"] == .number(0x1f_e800))
    #expect(json["result"]["pieces"][2]["blob"] == .string("page tables"))
    #expect(json["result"]["pieces"][3]["module"] == .number(0))
    // 0x400000 / 0x1000 = 1024 pages of 4 KiB, since 0x0 and 0x1000 differ modulo 2 MiB.
    let pages = json["result"]["mappings"][1]["pages"]
    #expect(pages == .object(["4KiB": .number(1024), "2MiB": .number(0), "1GiB": .number(0)]))
    #expect(json["result"]["randomization"]["virtualBits"] == .number(9.97))
  }

  @Test func jsonIsAsTheSchemaSays() throws {
    let schema = try Schemas.load("plan-1.0")
    #expect(schema.violations(in: try parsed()) == [])
  }

  @Test func everyKindOfRelocationIsAsTheSchemaSays() throws {
    func range(_ start: UInt64, _ count: UInt64) -> FileRange {
      FileRange(uncheckedStart: FileOffset(start), count: ByteCount(count))
    }
    let table = LinuxRelocations(
      entries32: range(0x1000, 40), entriesInverse32: range(0x1028, 4), entries64: range(0x102c, 4000),
      delta: -0x20_0000,
      linkBase: LinkAddress(0xffff_ffff_8100_0000))
    let dynamic = DynamicRelocations(
      rela: [range(0x1000, 48)], relr: [range(0x1030, 24)], slide: Slide(0x1000), linkBase: LinkAddress(0))
    var plan = try SyntheticPlan.make()
    let schema = try Schemas.load("plan-1.0")
    for (relocations, text) in [
      // Words of 4 bytes: 40 / 4, 4 / 4, 4000 / 4.
      (Relocations.linuxTable(table), "10 of 32 bits, 1 inverse, 1,000 of 64 bits, delta -0x200000"),
      // 48 / 24 entries and 24 / 8 words.
      (.dynamic(dynamic), "2 RELA entries, 3 RELR words"),
    ] {
      plan.relocations = relocations
      let document = PlanReport(plan).document
      #expect(document.text(style: .plain).contains("  relocations  \(text)\n"))
      let json = document.json(input: .init(path: "k", size: 1), tool: "perch 1").text
      #expect(schema.violations(in: try JSONDocument(parsing: json)) == [])
    }
  }

  @Test func theSchemaRefusesWhatIsNotAPlan() throws {
    let schema = try Schemas.load("plan-1.0")
    var text = document.json(input: .init(path: "k", size: 1), tool: "perch 1").text
    #expect(schema.violations(in: try JSONDocument(parsing: text)) == [])
    text.replace("\"0x2000000\"", with: "33554432")
    #expect(!schema.violations(in: try JSONDocument(parsing: text)).isEmpty)
  }

  @Test func sectionsCanBeChosen() {
    var document = document
    #expect(document.keep(only: ["pieces", "nonsense"]) == ["nonsense"])
    #expect(document.sections.map(\.key) == ["pieces"])
  }

  private func parsed() throws -> JSONDocument {
    try JSONDocument(parsing: document.json(input: .init(path: "k", size: 12_345), tool: "perch 1.2.3").text)
  }

  private static let golden = """
    ELF64 x86-64: 5 pieces, 7.0 MiB, entered at 0xffffffff81200040.
    The image lies at physical 0x1000000-0x1600000 and runs +0x200000 from where it was linked.

    Image
      read as      ELF64 x86-64
      machine      255.6 MiB usable below 0x10000000
      image        0x1000000-0x1600000 (6 MiB)
      slide        +0x200000
      relocations  none to apply

    Pieces: which bytes go where
      from file          physical               size  zero fill  owner
        0x1000-0x401000  0x1000000-0x1400000   4 MiB          -  segment 0
      0x401000-0x402800  0x1400000-0x1600000   6 KiB    2.0 MiB  segment 1
      made by Perch      0x2000000-0x2005000  20 KiB          -  page tables
      module 0           0x8000000-0x8100000   1 MiB          -  initrd
      -                  0x9000000-0x9004000       -     16 KiB  stack

    Mappings: what the kernel sees when it is entered
      virtual                                 physical   size  access  pages          name
                  0x1000-0x2000                 0x1000  4 KiB  rwx     1 × 4 KiB      trampoline
      0xffff888000000000-0xffff888000400000     0x1000  4 MiB  rw-     1,024 × 4 KiB  shifted
      0xffffffff81200000-0xffffffff81600000  0x1000000  4 MiB  r-x     2 × 2 MiB      segment 0
      0xffffffff81600000-0xffffffff81800000  0x1400000  2 MiB  rw-     1 × 2 MiB      segment 1
      * trampoline is writable and executable: the boot protocol hands over an identity map
      * shifted has no 2 MiB page: its virtual and physical address differ modulo 2 MiB (0x0 and 0x1000)

    Page tables
      frames    5 (20 KiB)
      by level  PML4 1, PDPT 2, PD 1, PT 1

    Entry state (whatever is not listed is zero)
      rip       0xffffffff81200040
      rsp       0xffff888000100000
      rdi       0x7000
      rflags    0x2
      cr0       0x80010011 (PE ET WP PG)
      cr3       0x2000000
      cr4       0x20 (PAE)
      efer      0xd00 (LME LMA NXE)
      cs        0x10
      ds es ss  0x18
      gdt       0x6000, limit 0x1f

    Randomisation
      seed            0x2a
      physical slots  512 (9.00 bits)
      virtual slots   1,000 (9.97 bits)

    Decisions
      physical place  0x1000000
                      the lowest free range that is large enough
                      not 0x200000: the initrd lies there
      stack           16 KiB
                      the default

    """
}
