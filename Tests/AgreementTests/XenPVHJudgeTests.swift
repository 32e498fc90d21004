import BootProtocols
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The judge itself: what it draws, and that it sees what is different.
@Suite struct XenPVHJudgeTests {
  private static func expected(_ image: XenPVHImage) -> ExpectedGuest? {
    let (kernel, initrd) = image.build()
    guard case .loads(let prediction) = kernel.withRawSpan({ XenPVH.load($0, image.request) }) else { return nil }
    return ExpectedGuest(prediction, image).filled(kernel: kernel, initrd: initrd)
  }

  @Test func drawnImagesAreOfAllKinds() {
    var probed = 0
    var words: [String: Int] = [:]
    for seed in 0..<60 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      let image = XenPVHImage(drawing: &random)
      switch image.build().kernel.withRawSpan({ XenPVH.load($0, image.request) }) {
      case .refuses(let refusal): words[refusal.words, default: 0] += 1
      case .loads(let prediction): if ExpectedGuest(prediction, image).probeRuns { probed += 1 }
      case .misbehaves: continue
      }
    }
    #expect(probed > 30, "\(probed) of 60")
    #expect(words.count > 2, "\(words)")
  }

  @Test func oneByteMakesADifference() throws {
    let image = XenPVHImage.plain {
      $0.initrd = 0xefc
      $0.commandLine = "foo"
    }
    let guest = try #require(Self.expected(image))
    // EBX and CR0 as Xen was seen to set them, EFLAGS 2, all else 0; then memory, by the kernel's own account.
    var probe: [UInt8] = []
    for name in XenPVHProbe.registers {
      let value: UInt64 = ["ebx": 0x100_4028, "cr0": 0x11, "eflags": 2][name] ?? 0
      probe += XenPVHImage.words(value, 4)
    }
    for range in guest.ranges { probe += guest.bytes(of: range).map { $0 ?? 0 } }
    #expect(guest.difference(from: probe) == nil)
    #expect(guest.difference(from: Array(probe.dropLast())) != nil)
    for index in [0, 14 * 4, 80, 80 + 0x2fff, 80 + 0x3000, probe.count - 1] {
      var changed = probe
      changed[index] ^= 0x40
      #expect(guest.difference(from: changed) != nil, "\(index)")
    }
  }
}
