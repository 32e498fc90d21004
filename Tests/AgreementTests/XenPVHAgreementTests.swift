import Foundation
import Loaders
@testable import RealLoaders
import TestSupport
import Testing

/// The model against Xen 4.17 itself. PERCH_PVH_IMAGES asks for so many drawn images instead of four.
@Suite(.enabled(if: XenPVHRun.isExpected, "scripts/fetch-xen was not run"), .serialized)
struct XenPVHAgreementTests {
  private static var drawn: UInt64 {
    ProcessInfo.processInfo.environment["PERCH_PVH_IMAGES"].flatMap { UInt64($0) } ?? 4
  }
  private static var firstSeed: UInt64 {
    ProcessInfo.processInfo.environment["PERCH_PVH_SEED"].flatMap { UInt64($0) } ?? 0
  }

  @Test func recordedImagesAreLoadedAsPredicted() throws {
    let named = XenPVHImage.recorded
    try compare(named.map { ($0.name, $0.image) })
  }

  @Test func drawnImagesAreLoadedAsPredicted() throws {
    try compare(
      (Self.firstSeed..<Self.firstSeed + Self.drawn).map { seed in
        var random = SeededGenerator(seed: seed)
        return ("seed \(seed)", XenPVHImage(drawing: &random))
      })
  }

  private func compare(_ images: [(name: String, image: XenPVHImage)]) throws {
    let judge = XenPVHJudge()
    for start in stride(from: 0, to: images.count, by: judge.batch) {
      let pair = images[start..<min(start + judge.batch, images.count)]
      for (item, verdict) in zip(pair, try judge.verdicts(on: pair.map(\.image))) {
        if case .disagrees(let difference) = verdict {
          Issue.record("\(item.name): \(difference)\n\(item.image)")
        }
      }
    }
  }
}
