import BootProtocols
import Foundation
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The judge itself: it sees what a model would have wrong.
@Suite(.enabled(if: AgreementTests.mustRun || GRUBJudge(version: 1).missing == nil, "scripts/fetch-grub was not run"))
struct RealGRUBTests {
  @Test func refusesInItsWords() throws {
    let test = GRUBRefusal.recorded[10]
    #expect(try RealGRUB.run(test.image) { $0.verdict } == .refuses(test.words))
  }

  /// A respect in which the image that the model is asked about differs from the one that the machine runs.
  struct Change: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// How the difference begins.
    var words: String
    var change: @Sendable (inout GRUBImage) -> Void

    init(_ name: String, _ words: String, _ change: @escaping @Sendable (inout GRUBImage) -> Void) {
      testDescription = name
      self.words = words
      self.change = change
    }
  }

  @Test(arguments: [
    Change("a byte of the file", "segment 0, byte 63 at 0x20_003f") { $0.segments[0].fileSize -= 1 },
    Change("a segment's size", "model: [0x1000") { $0.segments[0].memorySize += 1 },
    Change("the entry", "eip: model 0x20_0001, GRUB 0x20_0000") { $0.entry += 1 },
    Change("the order of modules", "model: [0x1000") { $0.modules.swapAt(0, 1) },
  ])
  func seesADifference(_ change: Change) throws {
    var image = GRUBImage.simple
    image.modules = [0x10, 0x1010]
    var other = image
    change.change(&other)
    guard case .loads(let prediction) = other.outcome else { throw Missing() }
    let found = try RealGRUB.run(image) { try ExpectedLanding(prediction, of: image).difference(from: $0) }
    #expect(found?.hasPrefix(change.words) == true, "\(found ?? "no difference")")
  }

  struct Missing: Error {}
}
