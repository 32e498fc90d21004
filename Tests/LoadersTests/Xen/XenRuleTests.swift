import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// What Xen 4.17 was seen to say to one image after another.
@Suite struct XenRuleTests {
  private func words(
    _ loads: [XenImages.Load] = XenImages.small, entry: UInt64 = 0x4000_0000, flags: SegmentFlags = [.read, .write],
    machine: Machine? = nil, text: String = XenImages.guest
  ) -> String? {
    XenImages.verdict(XenImages.builder(loads, entry: entry, machine: machine, flags: flags, text: text)).refusal
  }

  private let outside = "ERROR: ELF start or entries are out of bounds"
  private let failed = "Failed to load the kernel binary"

  @Test func entryMayBeTheEnd() {
    #expect(words(entry: 0x4000_5678) == nil)
    #expect(words(entry: 0x4000_5679) == outside)
    let verdict = XenImages.verdict(XenImages.builder(XenImages.small, entry: 0x4000_5678, text: XenImages.guest))
    #expect(verdict.prediction?.remarks.map(\.kind) == [.entryOutsideImage])
  }

  @Test func segmentsThatDoNotCount() {
    #expect(words(flags: []) == outside)
    #expect(words(flags: [.read]) == nil)
    #expect(words([]) == outside)
  }

  @Test func addressesBelowTheBase() {
    #expect(words([(0, 0x3fff_f000, 0x1000, 0x1000)], entry: 0x3fff_f000) == outside)
  }

  @Test func baseNeedsNoAlignment() {
    let text = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x40001000"
    let loads: [XenImages.Load] = [(0, 0x4000_1000, 0x1000, 0x1000)]
    let image = XenImages.builder(loads, entry: 0x4000_1000, text: text)
    #expect(XenImages.verdict(image).arrangement?.total.start.value == 0x4000_1000)
    // The old builder went down to 4 MiB.
    #expect(XenImages.verdict(image, rules: .march2006).arrangement?.total.start.value == 0x4000_0000)
    #expect(XenImages.verdict(image, rules: .march2006).places == ["segment 0@1000+1000+0"])
  }

  @Test func virtualAddressesAreIgnored() {
    let image = XenImages.builder(
      [(0xffff_ffff_8020_0000, 0x4020_0000, 0x1000, 0x1000)], entry: 0x4020_0000, text: XenImages.guest)
    #expect(XenImages.verdict(image).places == ["segment 0@200000+1000+0"])
  }

  @Test func overlapsPass() {
    let verdict = XenImages.verdict(
      XenImages.builder(XenImages.small + [(0, 0x4000_0800, 0x100, 0x1000)], text: XenImages.guest))
    #expect(verdict.places == ["segment 0@0+1234+4444", "segment 1@800+100+f00"])
    #expect(verdict.prediction?.remarks.map(\.kind) == [.overlap])
  }

  @Test func copiesThatFault() {
    #expect(words([(0, 0x4000_0000, 0x4000, 0x1000)]) == failed)
    #expect(words(XenImages.small + [(0, 0xffff_ffff_ffff_f000, 0, 0x2000)]) == failed)
  }

  /// Segment 2 would exceed twice the kernel's size, and the load ends there.
  @Test func copiesTheKernelTwiceAtMost() {
    let image = XenImages.builder(XenImages.small + XenImages.small + XenImages.small, text: XenImages.guest)
    let verdict = XenImages.verdict(image)
    #expect(verdict.places == ["segment 0@0+1234+4444", "segment 1@0+1234+4444"])
    #expect(verdict.broken == "program segments total to more than the input image size")
  }

  @Test func symbolTables() {
    let text = XenImages.guest + ",BSD_SYMTAB=yes"
    let without = XenImages.verdict(XenImages.builder(XenImages.small, text: text))
    #expect(without.broken == "invalid ELF handle for symtab section")
    #expect(without.arrangement?.kernel.endValue == 0x4000_5678)
    // The ends that Xen 4.17 printed for these sizes of .symtab and .strtab.
    for (symbols, names, end) in [(48, 7, 0x4000_57b8 as UInt64), (24, 13, 0x4000_57a8), (72, 100, 0x4000_5830)] {
      let image = XenImages.builder(XenImages.small, text: text)
        .section(".symtab", type: .symbolTable, bytes: Array(repeating: 0, count: symbols), link: 3)
        .section(".strtab", type: .stringTable, bytes: Array(repeating: 0, count: names))
      #expect(XenImages.verdict(image).arrangement?.kernel.endValue == end)
    }
  }

  @Test func hypercallPage() {
    // Page numbers in the string: 0x3ff is the last of the 4 MiB that are mapped.
    #expect(words(text: XenImages.guest + ",HYPERCALL_PAGE=0x3ff") == nil)
    #expect(
      words(text: XenImages.guest + ",HYPERCALL_PAGE=0x400") == "Invalid HYPERCALL_PAGE field in ELF notes.")
    let image = XenImages.noted(
      XenImages.builder(XenImages.small),
      [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000), (.hypercallPage, 0x4000_4000)])
    #expect(XenImages.verdict(image).refusal == nil)
  }

  @Test func privateArea() {
    let base: UInt64 = 0xffff_8100_0000_0000
    let text = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffff810000000000"
    #expect(words([(0, base, 0x1000, 0x1000)], entry: base, text: text) == "DOM0 image overlaps with Xen private area.")
  }

  @Test func kindsOfImages() {
    #expect(words(machine: .aarch64) == "Mismatch between Xen and DOM0 kernel")
    #expect(
      words(text: "GUEST_OS=bsd,XEN_VER=xen-3.0")?.hasSuffix("(Not '' and 'bsd') or with PHYS32_ENTRY set") == true)
    #expect(
      words(text: "GUEST_OS=linux,XEN_VER=xen-2.0")
        == "ERROR: Xen will only load images built for Xen v3.0 (Not 'xen-2.0')")
    #expect(
      words(text: XenImages.guest.replacing(",VIRT_BASE=0x40000000", with: ",ELF_PADDR_OFFSET=0"))
        == "ERROR: ELF_PADDR_OFFSET set, VIRT_BASE unset")
    #expect(
      XenImages.verdict(XenImages.builder(XenImages.small)).refusal
        == "ERROR: Not a Xen-ELF image: No ELF notes or '__xen_guest' section found")
    // Each was seen: what is no ELF file with a whole header is taken for a compressed one, its last word for a size.
    #expect(XenImages.verdict([UInt8](repeating: 0, count: 100)).refusal == "ELF: not an ELF binary")
    #expect(XenImages.verdict([0x7f, 0x45, 0x4c, 0x46]).misbehaviour == "crashes, or finds no memory")
  }

  @Test func relocatableFilesLoad() {
    let builder = ELFBuilder(type: .relocatable, machine: .x86_64, entry: 0x4000_0000)
      .segment(virtual: 0x4000_0000, bytes: [0xeb, 0xfe]).section(
        "__xen_guest", bytes: Array(XenImages.guest.utf8) + [0])
    #expect(XenImages.verdict(builder).refusal == nil)
    #expect(XenImages.verdict(builder, rules: .march2006).refusal != nil)
  }

  @Test func notesInSectionsAndForeignNotes() {
    let builder = XenImages.builder(XenImages.small)
    let notes = XenImages.noted(
      builder, [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000)]
    )
    let bytes = [(6, "linux"), (5, "xen-3.0")].flatMap { type, text in
      builder.noteBytes(owner: "Xen", type: UInt32(type), descriptor: Array(text.utf8) + [0])
    }
    let inSection = XenImages.builder([(0, 0, 0x1000, 0x1000)], entry: 0).section(".notes", type: .note, bytes: bytes)
    #expect(XenImages.verdict(inSection).lines.contains("ELF: using notes from SHT_NOTE section"))
    #expect(XenImages.verdict(inSection).refusal == nil)
    #expect(XenImages.verdict(notes).prediction != nil)
    // A note of somebody else is no reason to say "not a Xen image", nor a reason not to read the string.
    let foreign = builder.note(owner: "GNU", type: 3, descriptor: [1, 2, 3, 4])
    #expect(XenImages.verdict(foreign).refusal?.contains("(Not '' and '')") == true)
    let both = XenImages.builder(XenImages.small, text: XenImages.guest)
      .note(owner: "GNU", type: 3, descriptor: [1, 2, 3, 4])
    #expect(XenImages.verdict(both).lines.contains("ELF_PADDR_OFFSET unset, using 0x40000000"))
    #expect(XenImages.verdict(both).prediction != nil)
  }

  @Test func features() {
    let base = XenImages.noted(
      XenImages.builder(XenImages.small), [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000)])
    func features(_ text: String) -> String? {
      XenImages.verdict(base.note(owner: "Xen", type: 10, descriptor: Array(text.utf8) + [0])).refusal
    }
    #expect(features("!writable_page_tables|pae_pgdir_above_4gb|unknown") == nil)
    #expect(features("dom0|!unknown") == "Could not construct domain 0")
    let supported = { (bits: UInt64) in base.note(owner: "Xen", type: 17, descriptor: XenImages.words(bits, 4)) }
    #expect(XenImages.verdict(supported(1)).refusal == "Kernel does not support Dom0 operation")
    #expect(XenImages.verdict(supported(0x800)).refusal == nil)
  }

  @Test func machineList() {
    let base = XenImages.noted(
      XenImages.builder(XenImages.small), [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000)])
    func list(_ address: UInt64) -> XenVerdict {
      XenImages.verdict(base.note(owner: "Xen", type: 15, descriptor: XenImages.words(address)))
    }
    #expect(list(0x4000_1000).refusal == "ERROR: P->M table base is out of bounds")
    #expect(list(0x4010_0000).refusal == "DOM0 P->M table overlaps initial mapping")
    // 65,536 pages of 8 bytes, far away; the start information moves up.
    #expect(list(0x80_0000_0000).arrangement?.physicalToMachine.endValue == 0x80_0008_0000)
    #expect(list(0x80_0000_0000).arrangement?.startInfo.start.value == 0x4000_6000)
  }

  @Test func unmappedInitrdTakesFramesBehindTheChunk() {
    let image = XenImages.noted(
      XenImages.builder(XenImages.small),
      [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000), (.moduleStartFrame, 1)])
    let verdict = XenImages.verdict(image, initrd: 0xefc)
    #expect(verdict.arrangement?.initrd == nil)
    #expect(verdict.arrangement?.pagesToBeAllocated == 64511)
    #expect(verdict.places.last == "initrd@400000+efc+0")
  }
}
