import Addresses
import Loaders
@testable import RealLoaders
import TestSupport
import Testing

/// What a table of agreement does not show: that the listed places are really drawn, and that the judge can say no.
@Suite(.enabled(if: DebianKernel.cloud.isExpected, "scripts/fetch-kernel was not run"), .serialized)
struct DecompressorAgreementTests {
  /// Of two slots each comes up sooner or later: 24 boots miss one once in 2^23 times.
  @Test func everySlotIsDrawn() throws {
    let trial = try DecompressorJudge.Trial(DecompressorBoot(.cloud) { $0.memory = 123 })
    let listed = trial.kernel.unpacked.withBytes {
      Decompressor.physicalSlots(of: $0, setup: trial.setup, trial.request)
    }
    var seen: Set<PhysicalAddress> = []
    for _ in 0..<24 where seen.count < 2 { seen.insert(try #require(try trial.drawnPlace())) }
    #expect(listed.total == 2)
    #expect(Set([listed.first, listed.last]) == Set(seen.map { Optional($0) }))
  }

  /// The machine boots with one command line, the model is told another.
  @Test(arguments: [("nokaslr", ""), ("", "nokaslr"), ("", "mem=130M")])
  func aWrongModelIsSeen(real: String, told: String) throws {
    var trial = try DecompressorJudge.Trial(
      DecompressorBoot(.cloud) {
        $0.commandLine = real
        $0.memory = 3072
      })
    #expect(try trial.difference() == nil)
    trial.request.commandLine = told
    // Below 130 MiB lie 6 of the 1476 slots: one boot in 246 cannot tell, three in a row are one in 10^7.
    var found: String?
    for _ in 0..<3 where found == nil { found = try trial.difference() }
    #expect(found != nil)
  }
}
