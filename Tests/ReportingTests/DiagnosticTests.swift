import KernelImage
import Placement
import Reporting
import Testing

@Suite struct DiagnosticTests {
  @Test func looksLikeRustc() {
    let diagnostic = Diagnostic(
      code: 104, "segment 3 lies outside the file",
      at: .init(path: "vmlinux", place: "program header 3", offset: 0xb0),
      evidence: ["found:   0x5000 (20480)", "allowed: at most 0x4000 (16384)"],
      notes: ["a loader would copy bytes that are not there"], helps: ["download the file again"])
    #expect(
      diagnostic.text(style: .plain) == """
        error[K0104]: segment 3 lies outside the file
          --> vmlinux: program header 3, file offset 0xb0
           |  found:   0x5000 (20480)
           |  allowed: at most 0x4000 (16384)
           = note: a loader would copy bytes that are not there
           = help: download the file again

        """)
  }

  @Test func parseErrorsSayFieldOffsetFoundAndAllowed() {
    let error = ParseError(
      .invalidValue, field: "e_phentsize", at: 0x36, found: 0x20, allowed: .exactly(56))
    #expect(
      Diagnostic(error, path: "k").text(style: .plain) == """
        error[K0103]: e_phentsize holds a value that its format does not allow
          --> k: e_phentsize, file offset 0x36
           |  found:   0x20 (32)
           |  allowed: 0x38 (56)

        """)
  }

  @Test func anErrorInsideThePayloadSaysSo() {
    let error = ParseError(.outsideFile, field: "e_phoff", at: 0x20, found: 1 << 40, allowed: .atMost(0x1000))
    let text = Diagnostic(error, path: "vmlinuz", layer: "payload").text(style: .plain)
    #expect(text.contains("--> vmlinuz (payload): e_phoff, file offset 0x20\n"))
    #expect(text.contains("= note: the offset counts from the start of the payload\n"))
    #expect(text.contains("found:   0x10000000000 (1099511627776)\n"))
  }

  @Test func refusalsOfThePlanner() {
    let error = PlanError(.noRoom, "no free range of 64 MiB", help: "give the machine more memory")
    #expect(
      Diagnostic(error, path: "vmlinuz").text(style: .plain) == """
        error[K0203]: no free range of 64 MiB
          --> vmlinuz
           = help: give the machine more memory

        """)
  }

  @Test func textOfTheImageCannotReachTheTerminal() {
    let diagnostic = Diagnostic(code: 102, "odd", at: .init(path: "a\u{1b}[2Jb"), evidence: ["\u{7}"])
    #expect(!diagnostic.text(style: .plain).unicodeScalars.contains { $0.value == 0x1b || $0.value == 7 })
  }

  @Test func programsGetTheSame() {
    let json = Diagnostic(code: 102, "odd", at: .init(path: "k", offset: 16)).json
    #expect(json["code"] == .string("K0102"))
    #expect(json["location"]?["offset"] == .string("0x10"))
    #expect(json["location"]?["place"] == .null)
  }
}
