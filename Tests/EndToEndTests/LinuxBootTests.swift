import Foundation
import TestSupport
import Testing

/// Debian's kernels, placed, relocated and entered by Perch in a real machine; the kernel's own words are the judge.
@Suite(.enabled(if: DebianKernel.areExpected, "scripts/fetch-kernel was not run"), .serialized)
struct LinuxBootTests {
  struct Boot: CustomTestStringConvertible, Sendable {
    var kernel: DebianKernel
    var seed: UInt64
    var memory: String
    var testDescription: String { "\(kernel) seed \(seed) memory \(memory)" }
  }

  static let boots = [
    Boot(kernel: .cloud, seed: 1, memory: "128M"), Boot(kernel: .cloud, seed: 2, memory: "256M"),
    Boot(kernel: .cloud, seed: 3, memory: "512M"), Boot(kernel: .cloud, seed: 4, memory: "1G"),
    Boot(kernel: .cloud, seed: 5, memory: "2G"), Boot(kernel: .cloud, seed: 6, memory: "4G"),
    Boot(kernel: .generic, seed: 7, memory: "512M"), Boot(kernel: .generic, seed: 8, memory: "4G"),
  ]

  @Test(arguments: boots)
  func bootsWhereThePlanSays(boot: Boot) throws {
    let options = ["--memory", boot.memory, "--kaslr", "\(boot.seed)", "--cmdline", "console=ttyS0 panic=-1"]
    let plan = try PerchTool.run(["plan", boot.kernel.path, "--format", "json"] + options)
    try #require(plan.status == 0, "\(plan.errors)")
    let slide = try #require(try slide(inPlan: plan.output))

    let run = try PerchTool.run(
      [
        "boot", boot.kernel.path, "--verify", "--timeout", "90s", "--until",
        "Kernel Offset: .*|Kernel Offset: disabled",
      ]
        + options, seconds: 120)
    #expect(run.status == 0, "\(run.errors)\n\(run.output.suffix(2000))")
    #expect(run.errors.contains("0 differences"), "\(run.errors)")
    let words = try #require(run.output.firstMatch(of: /Kernel Offset: (0x[0-9a-f]+) from 0xffffffff81000000/))
    #expect(UInt64(words.1.dropFirst(2), radix: 16) == slide)
    #expect(run.output.contains("Linux version 6.1"))
  }

  @Test func differentSeedsGiveDifferentPlaces() throws {
    var places: Set<String> = []
    for seed in 1...8 {
      let plan = try PerchTool.run(
        ["plan", DebianKernel.cloud.path, "--format", "json", "--kaslr", "\(seed)", "--memory", "2G"])
      places.insert("\(try #require(try slide(inPlan: plan.output)))")
    }
    #expect(places.count >= 7)
  }

  private func slide(inPlan json: String) throws -> UInt64? {
    let top = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    let result = top?["result"] as? [String: Any]
    let image = result?["image"] as? [String: Any]
    guard let text = image?["slide"] as? String, text.hasPrefix("+0x") else { return nil }
    return UInt64(text.dropFirst(3), radix: 16)
  }
}
