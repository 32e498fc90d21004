import BootProtocols
import Foundation
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The model against Debian's GRUB: the same refusal in the same words, or every chunk and the entry in the same place.
@Suite(.enabled(if: RealGRUB.isExpected, "scripts/fetch-grub was not run")) struct RealGRUBTests {
  /// How many images: PERCH_AGREEMENT_IMAGES, or 40.
  static var count: UInt64 {
    ProcessInfo.processInfo.environment["PERCH_AGREEMENT_IMAGES"].flatMap { UInt64($0) } ?? 40
  }

  @Test func theRecordedRefusalsAreItsWords() throws {
    let image = GRUBRefusal.recorded[10]
    #expect(try RealGRUB.verdict(on: image.image) == .refuses(image.words))
  }

  @Test(arguments: [0, 1] as [UInt64]) func randomImages(half: UInt64) {
    let all = Self.count
    let range = half == 0 ? 0..<all / 2 : all / 2..<all
    let found = counterexample(seeds: range, from: GRUBImage.random) { image in
      do {
        return try Self.disagreement(on: image)
      } catch {
        return "\(error)"
      }
    }
    if let found { Issue.record("\(found)") }
  }

  /// What the model and GRUB see differently, or nil. Images that the model says GRUB mishandles are not fed to it.
  static func disagreement(on image: GRUBImage) throws -> String? {
    switch image.outcome {
    case .misbehaves: return nil
    case .refuses(let refusal):
      let real = try RealGRUB.verdict(on: image)
      return real == .refuses(refusal.words) ? nil : "model: \(refusal)\nGRUB: \(real)"
    case .loads(let prediction):
      let expected = landing(prediction, of: image)
      let real = try RealGRUB.verdict(on: image)
      return real == .boots(expected) ? nil : "model: \(expected)\nGRUB: \(real)"
    }
  }

  /// The chunks that a prediction means: one for each piece, but for a relocated image or one without ELF, which is a
  /// chunk as a whole.
  private static func landing(_ prediction: LoadPlan, of image: GRUBImage) -> RealGRUB.Landing {
    let isWhole = image.tags.contains { $0[0] == 10 } || prediction.pieces.contains { $0.owner == "image" }
    var chunks: [RealGRUB.Chunk] = []
    var whole: (start: UInt64, end: UInt64)?
    for piece in prediction.pieces where piece.extent.count.value > 0 {
      let start = piece.extent.start.value
      if isWhole, piece.owner == "image" || piece.owner.hasPrefix("segment") {
        let end = piece.extent.endValue
        whole = (min(whole?.start ?? start, start), max(whole?.end ?? end, end))
      } else {
        chunks.append(RealGRUB.Chunk(target: start, size: piece.extent.count.value))
      }
    }
    if let first = whole?.start, !prediction.pieces.contains(where: { $0.owner == "image" }) {
      // Empty segments count too.
      let loaded = image.segments.filter { $0.type == 1 }
      let low = loaded.map(\.physical).min() ?? 0
      whole = (first, first + (loaded.map { $0.physical + $0.memorySize }.max() ?? 0) - low)
    }
    if let whole { chunks.append(RealGRUB.Chunk(target: whole.start, size: whole.end - whole.start)) }
    func register(_ name: String) -> UInt32 {
      guard case .exactly(let value) = prediction.entry.registers.first(where: { $0.name == name })?.value else {
        return 0
      }
      return UInt32(value)
    }
    return RealGRUB.Landing(
      chunks: chunks.sorted(), eax: register("eax"), ebx: register("ebx"), eip: UInt32(prediction.entry.address))
  }
}
