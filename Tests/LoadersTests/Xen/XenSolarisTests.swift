import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// A kernel whose segments are linked high and loaded low, with one that stands where it is linked: "Fix ELF loader
/// physical/virtual addresses" (xen-devel, 2006). The modern values were seen with Xen 4.17, the older ones follow from
/// its sources: p_paddr - 0x40000000 is pseudo-physical in all of them.
@Suite struct XenSolarisTests {
  static let places = ["segment 0@800000+ed28+0", "segment 1@0+39adca+0", "segment 2@400000+20fe9+c26d7"]

  @Test(arguments: XenRules.allCases) func stringSaysTheSameUnderEveryRule(_ rules: XenRules) {
    let image = XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: XenImages.guest)
    let verdict = XenImages.verdict(image, rules: rules)
    #expect(verdict.places == Self.places)
    #expect(verdict.register("rip") == 0x4080_0000)
    #expect(verdict.arrangement?.kernel.start.value == 0x4000_0000)
    #expect(verdict.arrangement?.kernel.endValue == 0x4080_ed28)
    #expect(verdict.arrangement?.total.start.value == 0x4000_0000)
    #expect(verdict.prediction?.loader == rules.name)
  }

  @Test func arrangementIsXens() throws {
    let image = XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: XenImages.guest)
    let verdict = XenImages.verdict(image)
    #expect(
      verdict.arrangement?.lines == [
        " Loaded kernel: 0000000040000000->000000004080ed28", " Phys-Mach map: 000000004080f000->000000004088f000",
        " Start info:    000000004088f000->000000004088f4b8", " Page tables:   0000000040890000->0000000040899000",
        " Boot stack:    0000000040899000->000000004089a000", " TOTAL:         0000000040000000->0000000040c00000",
        " ENTRY ADDRESS: 0000000040800000",
      ])
    #expect(verdict.arrangement?.pagesToBeAllocated == 61440)
    let places = verdict.prediction?.decisions.filter { $0.subject.hasPrefix("place of the ") }.map(\.choice)
    #expect(
      places == [
        "[0x40000000, 0x4080ed28)", "[0x4080f000, 0x4088f000)", "[0x4088f000, 0x4088f4b8)", "[0x40890000, 0x40899000)",
        "[0x40899000, 0x4089a000)", "[0x40000000, 0x40c00000)",
      ])
    // Pseudo-physical 0x39adca, where the text ends, up to the data.
    #expect(
      verdict.prediction?.remarks.map(\.sentence) == [
        "From 0x39adca to 0x400000, between segments, lies what the machine's memory held."
      ])
    #expect(verdict.register("rsi") == 0x4088_f000)
    #expect(verdict.register("rsp") == 0x4089_a000)
    #expect(verdict.register("cs") == 0xe033)
    #expect(verdict.register("ss") == 0xe02b)
    #expect(verdict.register("rflags") == 0x202)
  }

  @Test func initrdMovesWhatFollows() {
    let image = XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: XenImages.guest)
    let verdict = XenImages.verdict(image, initrd: 0xefc)
    let lines = verdict.arrangement?.lines ?? []
    #expect(lines.contains(" Init. ramdisk: 000000004080f000->000000004080fefc"))
    #expect(lines.contains(" Phys-Mach map: 0000000040810000->0000000040890000"))
    #expect(lines.contains(" Page tables:   0000000040891000->000000004089a000"))
    #expect(lines.contains(" TOTAL:         0000000040000000->0000000040c00000"))
    #expect(verdict.arrangement?.pagesToBeAllocated == 61439)
    #expect(verdict.places.last == "initrd@80f000+efc+0")
  }

  @Test func notesNeedAnOffset() {
    let image = XenImages.builder(XenImages.solaris64, entry: 0x4080_0000)
    let base: [(XenNoteType, UInt64)] = [(.virtualBase, 0x4000_0000)]
    let without = XenImages.verdict(XenImages.noted(image, base))
    #expect(without.refusal == "ERROR: ELF start or entries are out of bounds")
    #expect(without.lines.contains("    virt_kstart      = 0x80000000"))
    #expect(without.lines.contains("    virt_kend        = 0x8080ed28"))
    let with = XenImages.verdict(XenImages.noted(image, base + [(.physicalOffset, 0x4000_0000)]))
    #expect(with.places == Self.places)
  }

  @Test func stringWithAnOffsetOfNothingIsRefused() {
    let text = XenImages.guest + ",ELF_PADDR_OFFSET=0x0"
    let verdict = XenImages.verdict(XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: text))
    #expect(verdict.refusal == "ERROR: ELF start or entries are out of bounds")
    #expect(verdict.lines.contains("    virt_kstart      = 0x80000000"))
  }

  @Test func noBaseTakesTooMuch() {
    let image = XenImages.builder(
      XenImages.solaris64, entry: 0x4080_0000, text: "GUEST_OS=linux,XEN_VER=xen-3.0")
    #expect(XenImages.verdict(image).refusal == "Domain 0 allocation is too small for kernel image")
    // Without a base the builders of spring take the lowest address for it.
    #expect(XenImages.verdict(image, rules: .march2006).places == Self.places)
    #expect(XenImages.verdict(image, rules: .may21).places == Self.places)
    #expect(XenImages.verdict(image, rules: .august).refusal == "Initial guest OS requires too much space")
  }

  @Test func entryOfTheStringIsChecked() {
    let text = XenImages.guest + ",VIRT_ENTRY=0x40900000"
    let image = XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: text)
    #expect(XenImages.verdict(image).refusal == "ERROR: ELF start or entries are out of bounds")
    #expect(XenImages.verdict(image, rules: .may21).refusal == "Malformed ELF image.")
    #expect(XenImages.verdict(image, rules: .august).refusal == "ERROR: ELF start or entries are out of bounds.")
    // VIRT_ENTRY came with May 2006.
    #expect(XenImages.verdict(image, rules: .march2006).register("rip") == 0x4080_0000)
  }

  /// p2m 256 MiB / 4 KiB * 4 bytes = 0x40000; then a page of start information, the tables and a page of stack. Tables
  /// without PAE: 12 MiB / 4 MiB + 1 = 4; with PAE: 12 MiB / 2 MiB + 5 = 11.
  @Test(arguments: [false, true]) func solaris32(_ pae: Bool) {
    let text = XenImages.guest + (pae ? ",PAE=yes" : "")
    let image = XenImages.builder(XenImages.solaris32, entry: 0x4080_0000, bits: .bits32, text: text)
    for rules in XenRules.allCases where rules != .modern {
      let verdict = XenImages.verdict(image, rules: rules)
      let lines = verdict.arrangement?.lines ?? []
      #expect(lines.contains(" Phys-Mach map: 4080f000->4084f000"))
      #expect(lines.contains(" Page tables:   40850000->" + (pae ? "4085b000" : "40854000")))
      #expect(lines.contains(" TOTAL:         40000000->40c00000"))
      #expect(
        verdict.places == ["segment 0@800000+e95c+0", "segment 1@0+2aa362+0", "segment 2@400000+16515+7e52f"])
      #expect(verdict.register("cs") == 0xe019)
    }
    let modern = XenImages.verdict(image)
    #expect(modern.arrangement?.pageTables.count.value == (pae ? 11 << 12 : nil))
    #expect(modern.refusal == (pae ? nil : "Mismatch between Xen and DOM0 kernel"))
    let debian = XenImages.verdict(image, host: XenHost(runs32BitDomains: false))
    #expect(debian.refusal == "Found 32-bit PV kernel, but CONFIG_PV32 missing")
    #expect(debian.lines.contains("    virt_kend        = 0x4080e95c"))
  }
}
