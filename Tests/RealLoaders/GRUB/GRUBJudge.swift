import Foundation
import Loaders
import Placement
import TestSupport

/// Debian's GRUB, one of its two commands.
struct GRUBJudge: Judge {
  /// Of the Multiboot specification: 1 or 2.
  let version: Int

  var name: String { version == 1 ? "GRUB 2.06, multiboot" : "GRUB 2.06, multiboot2" }
  var loaders: [LoaderName] { version == 1 ? [.grubMultiboot] : [.grubMultiboot2] }
  var counts: ImageCounts { ImageCounts(full: 300, quick: 20) }
  var missing: String? {
    FileManager.default.fileExists(atPath: RealGRUB.disk) ? nil : "scripts/fetch-grub was not run"
  }
  var named: [NamedImage<GRUBImage>] {
    get throws {
      GRUBImage.recorded.filter { $0.image.version == version } + GRUBImage.vulnerable(version: version)
        + (try GRUBImage.real(version: version))
    }
  }

  func draw(_ random: inout SeededGenerator) -> GRUBImage { GRUBImage.random(version: version, &random) }

  func verdicts(on images: [GRUBImage]) throws -> [Verdict] { try images.map { try verdict(on: $0) } }

  /// Images that the model says GRUB mishandles are not fed to it.
  private func verdict(on image: GRUBImage) throws -> Verdict {
    switch image.outcome {
    case .misbehaves(let misbehaviour): return .notFed("\(misbehaviour.effect): \(misbehaviour.evidence)")
    case .refuses(let refusal):
      let real = try RealGRUB.run(image) { $0.verdict }
      return refusal.allWords.contains { real == .refuses($0) }
        ? .agrees : .disagrees("model: \(refusal)\nGRUB: \(real)")
    case .loads(let prediction):
      let expected = ExpectedLanding(prediction, of: image)
      let mayRefuse = prediction.remarks.contains { $0.kind == .unspecified && $0.sentence.contains(GRUB.noRoom) }
      let difference = try RealGRUB.run(image) { run in
        mayRefuse && run.verdict == .refuses(GRUB.noRoom) ? nil : try expected.difference(from: run)
      }
      return difference.map { .disagrees($0) } ?? .agrees
    }
  }
}
