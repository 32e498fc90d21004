import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// Linux kernels of 2006: with virtual addresses in p_paddr, with physical ones, and with the vsyscall page's segment
/// near the top of the address space.
@Suite struct XenLinuxTests {
  static let base = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000"
  static let high: UInt64 = 0xffff_ffff_8000_0000
  static let entry: UInt64 = 0xffff_ffff_8010_0000
  static let physical: [XenImages.Load] = [
    (entry, 0x10_0000, 0x3000, 0x3000), (0xffff_ffff_ff60_0000, 0x10_3000, 0xc00, 0xc00),
    (0xffff_ffff_8010_4000, 0x10_4000, 0x1000, 0x9000),
  ]

  @Test(arguments: XenRules.allCases) func oldImagesLoadAsVirtual(_ rules: XenRules) {
    let image = XenImages.builder([(Self.entry, Self.entry, 0x3000, 0x9000)], entry: Self.entry, text: Self.base)
    let verdict = XenImages.verdict(image, rules: rules)
    #expect(verdict.places == ["segment 0@100000+3000+6000"])
    #expect(verdict.register("rip") == Self.entry)
  }

  /// The vsyscall segment's p_paddr lies beside the others: what is loaded is measured by p_paddr, so it is small.
  @Test func vsyscallIsMeasuredByPhysicalAddress() {
    let text = Self.base + ",ELF_PADDR_OFFSET=0x0"
    let image = XenImages.builder(Self.physical, entry: Self.entry, text: text)
    for rules in XenRules.allCases where rules != .march2006 {
      let verdict = XenImages.verdict(image, rules: rules)
      #expect(
        verdict.places == ["segment 0@100000+3000+0", "segment 1@103000+c00+0", "segment 2@104000+1000+8000"])
      #expect(verdict.arrangement?.total.count.value == 4 << 20)
    }
    // To the first builder p_paddr is virtual, and the entry lies elsewhere.
    #expect(XenImages.verdict(image, rules: .march2006).refusal == "Malformed ELF image.")
  }

  /// With p_paddr = p_vaddr it appears to need almost 2 GiB.
  @Test(arguments: XenRules.allCases) func vsyscallByVirtualAddressNeedsTwoGibibytes(_ rules: XenRules) {
    let loads = Self.physical.map { ($0.virtual, $0.virtual, $0.fileSize, $0.memorySize) as XenImages.Load }
    let verdict = XenImages.verdict(XenImages.builder(loads, entry: Self.entry, text: Self.base), rules: rules)
    #expect(verdict.prediction == nil)
    #expect(
      verdict.refusal
        == (rules == .modern
          ? "Domain 0 allocation is too small for kernel image" : "Initial guest OS requires too much space"))
  }

  @Test func notesTakePhysicalAddresses() {
    let image = XenImages.noted(
      XenImages.builder(Self.physical, entry: Self.entry), [(.virtualBase, Self.high), (.entry, Self.entry)])
    #expect(XenImages.verdict(image).places.first == "segment 0@100000+3000+0")
  }

  @Test func readOnlySegmentsCameInWithLibelf() {
    let image = XenImages.builder(XenImages.small, flags: [.read], text: XenImages.guest)
    #expect(XenImages.verdict(image).places == ["segment 0@0+1234+4444"])
    #expect(XenImages.verdict(image, rules: .march2006).refusal == "Malformed ELF image.")
    #expect(XenImages.verdict(image, rules: .august).refusal == "ERROR: ELF start or entries are out of bounds.")
  }

  @Test func oldRulesAskInTheirOwnWords() {
    let wrap = XenImages.builder(
      XenImages.small + [(0, 0xffff_ffff_ffff_f000, 0, 0x2000)], text: XenImages.guest)
    #expect(XenImages.verdict(wrap, rules: .may21).refusal == "Malformed ELF image.")
    #expect(XenImages.verdict(wrap, rules: .august).refusal == "ERROR: ELF program header 1 is too large.")
    #expect(XenImages.verdict(wrap, rules: .march2006).misbehaviour != nil)
    let version = XenImages.builder(XenImages.small, text: "LOADER=generic,VIRT_BASE=0x40000000")
    #expect(
      XenImages.verdict(version, rules: .may21).refusal == "ERROR: Xen will only load images built for Xen v3.0")
    #expect(XenImages.verdict(version, rules: .august).prediction != nil)
    // `strstr` takes any text that holds the words.
    let any = XenImages.builder(
      XenImages.small, text: "XGUEST_OS=linuxfoo,XEN_VER=xen-3.0,VIRT_BASE=0x40000000")
    #expect(XenImages.verdict(any, rules: .march2006).prediction != nil)
    #expect(XenImages.verdict(any).refusal?.contains("generic loader") == true)
    let none = XenImages.builder(XenImages.small).section(".text")
    #expect(
      XenImages.verdict(none, rules: .march2006).refusal
        == "Not a Xen-ELF image: '__xen_guest' section not found.")
    let offset = XenImages.builder(
      XenImages.small, text: "LOADER=generic,XEN_VER=xen-3.0,ELF_PADDR_OFFSET=0x40000000")
    #expect(XenImages.verdict(offset, rules: .may21).refusal == "Malformed ELF image.")
    #expect(
      XenImages.verdict(offset, rules: .august).refusal
        == "ERROR: Neither ELF_PADDR_OFFSET nor VIRT_BASE found in Xen ELF notes.")
  }

  @Test func i386WantsTheLowestGibibyte() {
    let image = XenImages.builder(
      [(0, 0x10_0000, 0x1000, 0x1000)], entry: 0x10_0000, bits: .bits32, text: "LOADER=generic,XEN_VER=xen-3.0")
    #expect(
      XenImages.verdict(image, rules: .march2006).refusal
        == "Initial loading isn't allowed to lowest 1GB of memory.")
    let pae = XenImages.verdict(image, rules: .march2006, host: XenHost(processor: .i386PAE))
    #expect(pae.refusal == "PAE mode mismatch between Xen and DOM0 (xen=yes, dom0=no)")
  }
}
