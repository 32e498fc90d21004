import BootProtocols
import Foundation
import Loaders
import Placement
import TestSupport

/// Debian's Xen 4.17 as judge of the model of its dom0 builder: the lines that it prints about an image, and where the
/// domain runs its registers, its memory and its start information.
struct XenPVJudge: Judge {
  var name: String { "Xen 4.17, PV dom0" }
  var loaders: [LoaderName] { [.xenPV] }
  var counts: ImageCounts { ImageCounts(full: 80, quick: 6) }
  /// Two machines at a time.
  var batch: Int { 2 }
  var missing: String? {
    FileManager.default.fileExists(atPath: XenRun.hypervisor.path) ? nil : "scripts/fetch-xen was not run"
  }
  var named: [NamedImage<XenPVImage>] { get throws { try XenPVImage.named } }

  func draw(_ random: inout SeededGenerator) -> XenPVImage { XenPVImage(using: &random) }

  func verdicts(on images: [XenPVImage]) throws -> [Verdict] {
    let runs = try images.map { image in
      let expected = XenPVExpectation(image)
      let isFed = expected.verdict.misbehaviour == nil
      return (expected, isFed ? try XenRun(expected.image, initrd: expected.initrd) : nil)
    }
    return runs.map { expected, run in
      guard let run else { return .notFed(expected.verdict.misbehaviour ?? "") }
      return expected.difference(run).map { .disagrees($0) } ?? .agrees
    }
  }
}

/// What the model says of an image, to be held against a run.
struct XenPVExpectation {
  let image: [UInt8]
  /// What the pieces' bytes come from: of a bzImage the payload.
  let loaded: [UInt8]
  let initrd: [UInt8]?
  let verdict: XenVerdict

  /// Debian's Xen runs no 32-bit domains.
  init(_ image: XenPVImage) {
    self.image = image.bytes
    loaded = image.payload ?? self.image
    initrd = image.initrd
    verdict = XenImages.verdict(
      loaded, initrd: image.initrdSize.map { UInt64($0) }, host: XenHost(runs32BitDomains: false))
  }

  func difference(_ run: XenRun) -> String? {
    guard let expected = XenPVMemory(self), expected.spins else { return difference(run.finish()) }
    let (console, machine) = run.finish(spinningAt: expected.entry) { expected.ranges($0) }
    if let difference = difference(console) { return difference }
    guard let machine else { return "the domain never spins at \(expected.entry.swiftText)" }
    return expected.difference(machine, console)
  }

  private func difference(_ console: XenConsole) -> String? {
    let expected = verdict.lines.filter { !$0.hasPrefix("Could not construct") }
    if let index = (0..<max(expected.count, console.lines.count)).first(where: {
      !expected.indices.contains($0) || !console.lines.indices.contains($0) || expected[$0] != console.lines[$0]
    }) {
      let seen = console.lines.indices.contains(index) ? console.lines[index] : "nothing"
      let wanted = expected.indices.contains(index) ? expected[index] : "nothing"
      return "line \(index): Xen says '\(seen)', the model '\(wanted)'"
    }
    // A kernel that is too big for its domain panics before the arrangement is printed.
    guard let arrangement = verdict.arrangement, console.pages != arrangement.pagesToBeAllocated else { return nil }
    return "\(console.pages.map(String.init) ?? "no") pages to be allocated, not \(arrangement.pagesToBeAllocated)"
  }
}
