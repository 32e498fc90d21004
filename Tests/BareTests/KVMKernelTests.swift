import Foundation
import Machines
import Perch
import TestSupport
import Testing

enum KVMProcessor {
  /// A virtual processor takes the registers of long mode: PE and PG, PAE, LME and LMA.
  static let isAvailable: Bool = {
    guard let memory = try? AnonymousFile(label: "tables", size: .mebibytes(4)),
      let processor = try? KVMTranslator(memory: memory)
    else { return false }
    return (try? processor.setPaging(cr3: 0x1000, cr0: 0x8000_0011, cr4: 0x20, efer: 0x500)) != nil
  }()
}

/// The kernel where there is no QEMU: entered under /dev/kvm from the plan of a desk.
@Suite(
  .enabled(if: KVMProcessor.isAvailable, "/dev/kvm cannot be opened or makes no processor in long mode"),
  .enabled(if: BareBuild.isExpected, Comment(rawValue: BareBuild.why)))
struct KVMKernelTests {
  /// Nothing of the search path is left but an empty folder.
  @Test(arguments: [(["--kaslr", "61"], "0x3d"), (["--kaslr", "off"], "none")])
  func bootWithoutQEMU(options: [String], seed: String) throws {
    let folder = try TemporaryFolder()
    let run = try PerchTool.run(
      ["boot", "--memory", "64M", "--timeout", "60s"] + options,
      environment: ["PERCH_BARE": BareBuild.folder, "PATH": folder.url.path])
    #expect(run.status == 0, "\(run.errors)\n\(run.output.suffix(2000))")
    #expect(run.errors.contains("under /dev/kvm"))
    #expect(run.output.contains("\nseed: \(seed)\n"))
    let passed = run.output.split(separator: "\n").count { $0.hasPrefix("self-test: ") && $0.hasSuffix(": ok") }
    #expect(run.output.contains("verdict: \(passed) self-tests passed"))
    #expect(passed > 10)
  }
}
