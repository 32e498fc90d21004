import Foundation
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The model against Xen 4.17 itself: every line that it prints about an image. PERCH_AGREEMENT_IMAGES asks for so many
/// images drawn by seed instead of two.
@Suite(.enabled(if: XenRun.isExpected, "scripts/fetch-xen was not run"), .serialized)
struct XenAgreementTests {
  private struct Case {
    var name: String
    var image: [UInt8]
    var initrd: UInt64?
  }

  @Test func xenSaysWhatTheModelSays() throws {
    let drawn = ProcessInfo.processInfo.environment["PERCH_AGREEMENT_IMAGES"].flatMap { UInt64($0) } ?? 2
    let cases = Self.solaris + (0..<drawn).map(Self.drawn)
    // Two machines at a time.
    for start in stride(from: 0, to: cases.count, by: 2) {
      let pair = cases[start..<min(start + 2, cases.count)]
      let runs = try pair.map { ($0, try XenRun($0.image, initrd: $0.initrd)) }
      for (item, run) in runs { compare(item, run.finish()) }
    }
  }

  private func compare(_ item: Case, _ seen: (lines: [String], pages: UInt64?)) {
    let verdict = XenImages.verdict(item.image, initrd: item.initrd, host: XenHost(runs32BitDomains: false))
    let expected = verdict.lines.filter { !$0.hasPrefix("Could not construct") }
    #expect(seen.lines == expected, "\(item.name)")
    // A kernel that is too big for its domain panics before the arrangement is printed.
    if verdict.arrangement != nil { #expect(seen.pages == verdict.arrangement?.pagesToBeAllocated, "\(item.name)") }
  }

  private static var solaris: [Case] {
    let notes = XenImages.noted(
      XenImages.builder(XenImages.solaris64, entry: 0x4080_0000), [(.virtualBase, 0x4000_0000)])
    return [
      Case(
        name: "Solaris, string",
        image: XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: XenImages.guest).build(),
        initrd: 0xefc),
      Case(name: "Solaris, notes without an offset", image: notes.build(), initrd: nil),
    ]
  }

  /// One to four segments below 8 MiB, string or notes, with things that Xen refuses among them. Never what it does not
  /// check: all bytes come from the file.
  private static func drawn(_ seed: UInt64) -> Case {
    var random = SeededGenerator(seed: seed)
    func below(_ limit: UInt64) -> UInt64 { random.next() % limit }
    var loads: [XenImages.Load] = []
    for _ in 0...below(4) {
      let size = below(0x2000)
      loads.append((random.next(), 0x4000_0000 + below(0x80_0000), size, size + below(0x1_0000)))
    }
    let low = loads.map(\.physical).min() ?? 0
    let entry = below(8) == 0 ? random.next() : low + below(0x100)
    let wishes = below(4)
    let offset = below(3) == 0 ? 0 : 0x4000_0000 as UInt64
    let flags: SegmentFlags = below(6) == 0 ? [.read] : [.read, .write, .execute]
    let text = XenImages.guest + (below(2) == 0 ? "" : ",ELF_PADDR_OFFSET=0x\(String(offset, radix: 16))")
    let extra = [",HYPERCALL_PAGE=0x\(below(0x1000))", ",FEATURES=dom0|!nothing", ",BSD_SYMTAB=yes", ""]
    var builder = XenImages.builder(
      loads, entry: entry, flags: flags, text: wishes < 2 ? text + extra[Int(below(4))] : nil)
    if wishes >= 2 {
      builder = XenImages.noted(builder, [(.virtualBase, 0x4000_0000), (.physicalOffset, offset)])
      if wishes == 3 {
        let list = below(2) == 0 ? 0x80_0000_0000 : 0x4000_0000 + below(0x100_0000)
        builder = builder.note(owner: "Xen", type: 15, descriptor: XenImages.words(list))
          .note(owner: "Xen", type: 16, descriptor: XenImages.words(below(2)))
      }
    }
    return Case(
      name: "seed \(seed)", image: builder.build(), initrd: below(2) == 0 ? nil : 1 + below(0x4000))
  }
}
