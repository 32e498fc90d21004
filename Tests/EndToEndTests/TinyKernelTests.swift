import Foundation
import TestSupport
import Testing

/// Kernels of our own, linked in every way, at congruent and incongruent places. Each looks around from inside, walks its
/// own tables, probes its rights by real accesses, and prints what it found.
@Suite(.serialized) struct TinyKernelTests {
  struct Boot: CustomTestStringConvertible, Sendable {
    var kernel: TinyKernel
    var options: [String]
    /// Where the kernel must say it lies and runs: arithmetic on its link address, or the place asked for.
    var physical: UInt64?
    var virtual: UInt64?
    var testDescription: String { "\(kernel) \(options.joined(separator: " "))" }
  }

  static let boots = [
    Boot(kernel: .higherHalf, options: [], physical: 0x20_0000, virtual: 0xffff_ffff_8020_0000),
    // 0x390000 and 0x1a0000 are not congruent to the link address modulo 2 MiB, 0xa00000 is.
    Boot(
      kernel: .higherHalf, options: ["--physical", "0x390000"], physical: 0x39_0000, virtual: 0xffff_ffff_8020_0000),
    Boot(
      kernel: .higherHalf, options: ["--physical", "0x1a0000"], physical: 0x1a_0000, virtual: 0xffff_ffff_8020_0000),
    Boot(
      kernel: .higherHalf, options: ["--physical", "0xa00000"], physical: 0xa0_0000, virtual: 0xffff_ffff_8020_0000),
    Boot(kernel: .linuxLink, options: [], physical: 0x100_0000, virtual: 0xffff_ffff_8100_0000),
    Boot(
      kernel: .linuxLink, options: ["--memory", "4G", "--huge-pages", "--physical", "0x100200000"],
      physical: 0x1_0020_0000, virtual: 0xffff_ffff_8100_0000),
    Boot(kernel: .upperHalf, options: [], physical: 0x10_0000, virtual: 0xffff_8000_0010_0000),
    Boot(kernel: .upperHalf, options: ["--direct-map", "0xffff900000000000"], virtual: 0xffff_8000_0010_0000),
    Boot(kernel: .low, options: ["--memory", "2G"], physical: 0x4020_0000, virtual: 0x4020_0000),
    Boot(kernel: .low, options: ["--physical", "0x800000"], physical: 0x80_0000, virtual: 0x4020_0000),
    Boot(kernel: .oneSegment, options: ["--physical", "any"], virtual: 0xffff_ffff_8020_0000),
    Boot(
      kernel: .oneSegment, options: ["--physical", "0x320000"], physical: 0x32_0000, virtual: 0xffff_ffff_8020_0000),
    Boot(kernel: .oneSegment, options: ["--kaslr", "11"], virtual: 0xffff_ffff_8020_0000),
    Boot(kernel: .pieRELA, options: []),
    Boot(kernel: .pieRELA, options: ["--kaslr", "7"]),
    Boot(
      kernel: .pieRELA, options: ["--physical", "0x555000", "--slide", "0xffffffff90000000"],
      physical: 0x55_5000, virtual: 0xffff_ffff_9000_0000),
    Boot(kernel: .pieRELR, options: [], virtual: 0xffff_ffff_8000_0000),
    Boot(kernel: .pieRELR, options: ["--kaslr", "9", "--memory", "4G"]),
  ]

  @Test(arguments: boots)
  func findsItselfWhereThePlanSays(boot: Boot) throws {
    let run = try PerchTool.run(
      [
        "boot", try boot.kernel.path(), "--verify", "--until", "^done$", "--timeout", "20s", "--cmdline",
        "greetings from the test",
      ]
        + boot.options)
    #expect(run.status == 0, "\(run.errors)\n\(run.output)")
    #expect(run.errors.contains(" 0 differences"), "\(run.errors)")
    let lines = run.output.split(whereSeparator: \.isNewline).map(String.init)
    #expect(lines.contains("command line=greetings from the test"))
    #expect(lines.contains { $0.hasSuffix("bss=zero") })
    #expect(lines.contains("data=initialised"))
    #expect(lines.filter { $0.hasSuffix("reloc=ok") }.count == 2)
    #expect(!run.output.contains("PANIC"))
    let place = try #require(run.output.firstMatch(of: /kernel virt=0x([0-9a-f]+) phys=0x([0-9a-f]+)/))
    if let physical = boot.physical { #expect(UInt64(place.2, radix: 16) == physical) }
    if let virtual = boot.virtual { #expect(UInt64(place.1, radix: 16) == virtual) }
    #expect(run.output.contains(/translate guard virt=0x[0-9a-f]+ absent/))
    #expect(run.output.contains(/translate zero virt=0x0 absent/))
    let text = boot.kernel == .oneSegment ? "access=rwx" : "access=r-x"
    #expect(lines.contains { $0.hasPrefix("translate text") && $0.hasSuffix(text) })
  }

  @Test func aPackedKernelBootsWithoutPerch() throws {
    let folder = try TemporaryFolder()
    let capsule = folder.path("capsule.elf")
    let pack = try PerchTool.run(["pack", try TinyKernel.pieRELA.path(), "--kaslr", "3", "-o", capsule])
    #expect(pack.status == 0, "\(pack.errors)")
    let console = folder.path("console")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = [
      "-k", "1", "30", "qemu-system-x86_64", "-cpu", "max", "-m", "512", "-display", "none", "-serial",
      "file:\(console)",
      "-kernel", capsule, "-device", "isa-debug-exit",
    ]
    try process.run()
    var output = ""
    while process.isRunning, !output.contains("\ndone") {
      Thread.sleep(forTimeInterval: 0.05)
      output = (try? String(contentsOfFile: console, encoding: .utf8)) ?? ""
    }
    process.terminate()
    process.waitUntilExit()
    #expect(output.contains("perch-kernel pie-rela"))
    #expect(output.contains("reloc=ok"))
    #expect(output.contains("\ndone"))
  }

  @Test func stopsAtTheEntry() throws {
    let run = try PerchTool.run(["boot", try TinyKernel.higherHalf.path(), "--stop-at", "entry"])
    #expect(run.status == 0)
    #expect(run.output.contains(/RIP=ffffffff80200[0-9a-f]{3}/))
    #expect(!run.output.contains("perch-kernel"))
  }

  @Test func aGuestThatNeverAnswersTimesOut() throws {
    let run = try PerchTool.run(["boot", try TinyKernel.higherHalf.path(), "--until", "never said", "--timeout", "6s"])
    #expect(run.status == 7)
    #expect(run.errors.contains("done"))
  }

  @Test(
    arguments: [
      (["--memory", "1M"], 2), (["--physical", "0x1"], 4), (["--physical", "0x1ff00000"], 4),
      (["--slide", "0x200000"], 4), (["--physical", "0x10000000000000"], 4), (["--until", "("], 2),
      (["--direct-map", "0xffffffff80000000"], 4), (["--memory", "4M", "--physical", "0x300000"], 4),
    ] as [([String], Int32)])
  func refusesWhatCannotWork(options: [String], status: Int32) throws {
    let run = try PerchTool.run(["boot", try TinyKernel.higherHalf.path()] + options)
    #expect(run.status == status, "\(run.errors)")
    #expect(run.output.isEmpty)
    if status == 4 { #expect(run.errors.contains("error[K02")) }
  }

  @Test func withoutQEMUItNamesThePackage() throws {
    let folder = try TemporaryFolder()
    let run = try PerchTool.run(["boot", try TinyKernel.higherHalf.path()], environment: ["PATH": folder.url.path])
    #expect(run.status == 5)
    #expect(run.errors.contains("qemu-system-x86"))
  }
}
