import BootProtocols
import Loaders
import Placement
import Reporting
import TestSupport
import Testing

/// What `perch plan --loader` and `perch check` print, from values made by hand.
@Suite struct PredictionReportTests {
  typealias Made = SyntheticPrediction

  let document = PlanReport(Made.full, modules: Made.request.modules.map(\.name)).document

  static func parsed(_ document: Document) throws -> JSONDocument {
    try JSONDocument(parsing: document.json(input: Input(path: "kernel", size: 9), tool: "perch 1.2.3").text)
  }

  /// Written by hand from the numbers in `SyntheticPrediction`.
  @Test func readsWell() {
    #expect(
      document.text(style: .plain) == """
        grub-multiboot reads it as Multiboot, ELF32: 5 pieces, entered at 0x100010 in 32-bit protected mode, paging off.
        It boots, but: 1 remark below.

        Image
          loader   grub-multiboot
          read as  Multiboot, ELF32
          machine  255 MiB usable below 0x10000000

        Pieces: which bytes go where, in the loader's order (a later one overwrites an earlier)
          from file           physical            size  zero fill  owner
          0x1000-0x3000       0x100000-0x103000  8 KiB      4 KiB  segment 0
          0x4000-0x4800       0x101000-0x101800  2 KiB          -  segment 1
          initrd.img          0x200000-0x201000  4 KiB          -  module 0
          made by the loader   0x10000-0x10003     3 B          -  information
          -                   0x300000-0x304000      -     16 KiB  heap

        Entry
          mode     32-bit protected mode, paging off
          address  0x100010

        Registers (any other may hold anything)
          register        value  meaning
          eax        0x2badb002  Multiboot magic
          esp       unspecified  stack

        Remarks: what goes wrong
          overlap  segment 1 overwrites 0x800 bytes of segment 0
                   segments lie below 4 GiB (GRUB 2.06, multiboot_elfxx.c)

        Decisions
          entry  0x100010
                 e_entry lies in segment 0
                 not 0x10: outside

        """)
  }

  @Test func jsonSaysWhatThePredictionSays() throws {
    let json = try Self.parsed(document)
    #expect(try Schemas.load("prediction-1.0").violations(in: json) == [])
    let result = json["result"]
    #expect(result["pieces"].elements.count == 5)
    #expect(result["pieces"][0]["zeroFill"] == .number(4096))
    #expect(result["pieces"][2]["module"] == .number(0))
    #expect(result["pieces"][3]["blob"] == .string("Multiboot information"))
    #expect(result["pieces"][3]["bytes"] == .string("0a00ff"))
    #expect(result["registers"][1]["value"] == .string("unspecified"))
    #expect(result["remarks"][0]["rule"]["source"] == .string("GRUB 2.06, multiboot_elfxx.c"))
    // 0x10000000 - 0x100000.
    #expect(result["image"]["usableMemory"] == .number(0xff0_0000))
  }

  @Test func aRefusalIsADiagnosticInTheLoadersWords() {
    guard case .refuses(let refusal) = Made.refusal else { return }
    #expect(
      Diagnostic(refusal, by: .grubMultiboot, path: "kernel").text(style: .plain) == """
        error[K0701]: grub-multiboot refuses: segment crosses 4 GiB border
          --> kernel
           |  program header 1, p_paddr 0x100000000
           = note: rule: segments lie below 4 GiB (GRUB 2.06, multiboot_elfxx.c)

        """)
  }
}
