import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// What August 2006 read otherwise than the builders before and after it (Xen 3.0.4, xen/common/elf.c, commit
/// 9c85fccedd).
@Suite struct XenAugustTests {
  /// Segment at the base, and a section of notes: texts or numbers by type.
  private func image(_ texts: [(UInt32, String)], _ numbers: [(XenNoteType, UInt64, Int)] = []) -> ELFBuilder {
    let builder = XenImages.builder(XenImages.small)
    var bytes: [UInt8] = []
    for (type, text) in texts {
      bytes += builder.noteBytes(owner: "Xen", type: type, descriptor: Array(text.utf8) + [0])
    }
    for (type, value, size) in numbers {
      bytes += builder.noteBytes(owner: "Xen", type: type.rawValue, descriptor: XenImages.words(value, size))
    }
    return builder.section(".notes", type: .note, bytes: bytes)
  }

  private let linux: [(UInt32, String)] = [(6, "linux"), (5, "xen-3.0")]

  @Test func firstNoteOfATypeCounts() {
    let twice = image(
      linux,
      [
        (.virtualBase, 0x4000_0000, 8), (.physicalOffset, 0x4000_0000, 8), (.virtualBase, 0x3000_0000, 8),
        (.physicalOffset, 0x3000_0000, 8),
      ])
    #expect(XenImages.verdict(twice, rules: .august).arrangement?.total.start.value == 0x4000_0000)
    // libelf overwrites: the kernel lies 256 MiB behind the base, which is all that the domain has.
    #expect(XenImages.verdict(twice).lines.contains("    virt_base        = 0x30000000"))
    #expect(XenImages.verdict(twice).refusal == "Domain 0 allocation is too small for kernel image")
  }

  @Test func numbersHaveFourOrEightBytes() {
    let short = image(
      linux, [(.virtualBase, 0x4000_0000, 4), (.physicalOffset, 0x4000_0000, 8), (.entry, 0x12, 2)])
    #expect(XenImages.verdict(short, rules: .august).register("rip") == 0x4000_0000)
    #expect(XenImages.verdict(short).refusal == "ERROR: ELF start or entries are out of bounds")
  }

  @Test func sectionNamesAreWantedBesideNotes() {
    let segment = XenImages.noted(XenImages.builder(XenImages.small), [(.virtualBase, 0), (.entry, 0x4000_0000)])
    #expect(
      XenImages.verdict(segment, rules: .august).refusal
        == "ELF image has no section-header strings table (shstrtab).")
  }

  @Test func wordsAreItsOwn() {
    let none = XenImages.builder(XenImages.small).section(".text")
    #expect(
      XenImages.verdict(none, rules: .august).refusal
        == "ERROR: Not a Xen-ELF image: No ELF notes or '__xen_guest' section found.")
    let other = XenImages.builder(XenImages.small, text: "GUEST_OS=bsd,XEN_VER=xen-3.0")
    #expect(
      XenImages.verdict(other, rules: .august).refusal
        == "ERROR: Will only load images built for the generic loader or Linux images")
    #expect(
      XenImages.verdict(other, rules: .may21).refusal
        == "ERROR: Xen will only load images built for the generic loader or Linux images")
  }

  @Test(arguments: [("yes[extended-cr3]", true), ("no", false)]) func modeOfPAEIsAPrefix(_ text: String, _ has: Bool) {
    let builder = XenImages.builder(XenImages.small, bits: .bits32)
    var bytes: [UInt8] = []
    for (type, text) in linux + [(9, text)] {
      bytes += builder.noteBytes(owner: "Xen", type: type, descriptor: Array(text.utf8) + [0])
    }
    for type in [3, 4] as [UInt32] {
      bytes += builder.noteBytes(owner: "Xen", type: type, descriptor: XenImages.words(0x4000_0000, 4))
    }
    let verdict = XenImages.verdict(
      builder.section(".notes", type: .note, bytes: bytes), rules: .august, host: XenHost(processor: .i386PAE))
    #expect((verdict.prediction != nil) == has)
  }
}
