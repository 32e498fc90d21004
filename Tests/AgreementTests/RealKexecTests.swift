import Foundation
@testable import RealLoaders
import TestSupport
import Testing

/// The model against Debian's kexec: the same segments and entry, or the same refusal in the same words.
@Suite(
  .enabled(if: RealKexec.missing == nil || ProcessInfo.processInfo.environment["CI"] != nil, "scripts/fetch-kexec"))
struct RealKexecTests {
  private let judge = KexecJudge()

  /// How many images: PERCH_AGREEMENT_IMAGES, or the judge's small number.
  private static var count: UInt64 {
    ProcessInfo.processInfo.environment["PERCH_AGREEMENT_IMAGES"].flatMap { UInt64($0) } ?? 30
  }

  @Test func randomImages() throws {
    for first in stride(from: 0, to: Self.count, by: judge.batch) {
      let images = (first..<min(Self.count, first + UInt64(judge.batch))).map { seed in
        var generator = SeededGenerator(seed: seed)
        return judge.draw(&generator)
      }
      try check(images, names: images.indices.map { "seed \(first + UInt64($0))" })
    }
  }

  @Test func namedImages() throws {
    let named = try judge.named
    try check(named.map(\.image), names: named.map(\.name))
  }

  private func check(_ images: [KexecImage], names: [String]) throws {
    for (index, verdict) in try judge.verdicts(on: images).enumerated() {
      guard case .disagrees(let difference) = verdict else { continue }
      Issue.record("\(names[index]): \(images[index])\n\(difference)")
    }
  }
}
