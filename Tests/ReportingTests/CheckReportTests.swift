import Foundation
import Loaders
import Placement
import TestSupport
import Testing

@testable import Reporting

/// What `perch check` prints, from values made by hand.
@Suite struct CheckReportTests {
  typealias Made = SyntheticPrediction

  static let verdicts = [
    Made.verdict(.grubMultiboot, .loads(Made.full)), Made.verdict(.qemuMultiboot, .loads(Made.loads([]))),
    Made.verdict(.grubMultiboot2, Made.refusal, asks: false), Made.verdict(.qemuPVH, Made.refusal),
    Made.verdict(.kexec, Made.misbehaviour, asks: false), Made.verdict(.limine, .loads(Made.full), asks: false),
  ]

  static func result(_ verdicts: [LoaderVerdict], paths: [String] = ["kernel"]) -> CheckResult {
    CheckResult(paths.map { .init(path: $0, size: 9, .report(CheckReport(verdicts))) })
  }

  @Test func oneLineForEachLoaderAndItsRule() {
    #expect(
      Self.result(Self.verdicts).text(style: .plain) == """
        The image asks for 3 of 6 loaders: 2 boot it. Findings: 1 error, 2 warnings.

        Loaders
          grub-multiboot  boots, but segment 1 overwrites 0x800 bytes of segment 0
                            read as Multiboot, ELF32; rule: segments lie below 4 GiB (GRUB 2.06, multiboot_elfxx.c)
          qemu-multiboot  boots  read as test
          qemu-pvh        refuses: segment crosses 4 GiB border
                            program header 1, p_paddr 0x100000000; rule: segments lie below 4 GiB (GRUB 2.06, multiboot_elfxx.c)
          kexec           must not be fed: corrupts its heap
                            p_filesz 0x20 exceeds p_memsz 0x10; rule: segments lie below 4 GiB (GRUB 2.06, multiboot_elfxx.c)

        Not asked for
          grub-multiboot2  refuses: segment crosses 4 GiB border
                             program header 1, p_paddr 0x100000000; rule: segments lie below 4 GiB (GRUB 2.06,
                             multiboot_elfxx.c)
          limine           loads, but segment 1 overwrites 0x800 bytes of segment 0
                             read as Multiboot, ELF32; rule: segments lie below 4 GiB (GRUB 2.06, multiboot_elfxx.c)

        """)
  }

  @Test(arguments: [80, 100, 120, 160]) func noLineIsWiderThanTheTerminal(columns: Int) {
    for isColored in [false, true] {
      let text = Self.result(Self.verdicts).text(style: Style(isColored: isColored, columns: columns))
      let widths = text.split(separator: "\n").map { Width.columns(String($0)) }
      #expect(widths.allSatisfy { $0 <= columns }, "\(text)")
      // Nothing is lost by breaking lines.
      #expect(text.split { " \n".contains($0) }.count { $0.contains("multiboot_elfxx.c") } == 5)
    }
  }

  /// 160 columns hold the sentence and the rule.
  @Test func theRuleStandsBesideTheSentenceWhereThereIsRoom() {
    let text = Self.result([Made.verdict(.qemuPVH, Made.refusal)]).text(style: Style(isColored: false, columns: 160))
    #expect(
      text.contains(
        "qemu-pvh  refuses: segment crosses 4 GiB border  program header 1, p_paddr 0x100000000; rule: segments"))
  }

  @Test func programsGetEveryLoaderOfEveryFile() throws {
    let result = Self.result(Self.verdicts, paths: ["a", "b"])
    let json = try JSONDocument(parsing: result.json(tool: "perch 1.2.3").text)
    #expect(try Schemas.load("check-2.0").violations(in: json) == [])
    let files = json["result"]["files"].elements
    #expect(files.map { $0["input"]["path"].string } == ["a", "b"])
    for file in files {
      let rows = file["loaders"].elements
      #expect(
        rows.map { $0["verdict"].string } == [
          "bootsWithRemarks", "boots", "refuses", "refuses", "mustNotBeFed", "bootsWithRemarks",
        ])
      #expect(rows.map { $0["severity"].string } == ["warning", nil, nil, "error", "warning", nil])
    }
  }

  /// A schema that forgets a loader would call its own output wrong.
  @Test(arguments: ["check-2.0", "diff-1.0", "prediction-1.0"]) func schemasKnowEveryLoader(name: String) throws {
    let url = PackageRoot.url.appending(path: "Documentation/Schemas/\(name).json")
    let schema = try JSONDocument(parsing: String(contentsOf: url, encoding: .utf8))
    let known = schema["$defs"]["loader"]["enum"].elements.compactMap(\.string)
    #expect(known == LoaderName.allCases.map(\.rawValue))
  }

  /// A remark is a warning; a misbehaviour and a refusal are errors of who is asked for or named, and a misbehaviour of
  /// others is a warning; what differs from run to run is nothing.
  @Test(
    arguments: [
      (Made.verdict(.kexec, .loads(Made.loads([]))), nil), (Made.verdict(.kexec, .loads(Made.full)), .warning),
      (Made.verdict(.kexec, Made.refusal), .error), (Made.verdict(.kexec, Made.refusal, asks: false), nil),
      (Made.verdict(.kexec, Made.refusal, asks: false, isNamed: true), .error),
      (Made.verdict(.kexec, .loads(Made.full), asks: false), nil),
      (Made.verdict(.kexec, Made.misbehaviour), .error),
      (Made.verdict(.kexec, Made.misbehaviour, asks: false), .warning),
      (Made.verdict(.kexec, remarking([.unspecified, .unspecified])), nil),
      (Made.verdict(.kexec, remarking([.unspecified, .notZeroed])), .warning),
    ] as [(LoaderVerdict, Diagnostic.Severity?)])
  func severities(verdict: LoaderVerdict, severity: Diagnostic.Severity?) {
    #expect(verdict.severity == severity)
    let result = Self.result([verdict])
    #expect(result.hasFinding(atLeast: .warning) == (severity != nil))
    #expect(result.hasFinding(atLeast: .error) == (severity == .error))
  }

  @Test(
    arguments: [
      (
        [.unspecified, .notZeroed, .outsideMemory, .notZeroed],
        "boots, but it is outsideMemory (and 3 more: not zeroed, unspecified)"
      ),
      ([.unspecified, .unspecified], "boots; unspecified: it is unspecified (and 1 more: unspecified)"),
      ([.overlap], "boots, but it is overlap"), ([], "boots"),
    ] as [([Remark.Kind], String)])
  func theWorstRemarkIsTheSentence(kinds: [Remark.Kind], sentence: String) {
    #expect(Made.verdict(.kexec, Self.remarking(kinds)).sentence == sentence)
  }

  static func remarking(_ kinds: [Remark.Kind]) -> LoaderOutcome {
    var plan = Made.loads([])
    plan.remarks = kinds.map { Remark($0, "It is \($0.rawValue).", rule: Made.rule) }
    return .loads(plan)
  }
}
