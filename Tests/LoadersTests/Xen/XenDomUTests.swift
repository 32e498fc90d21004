import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// OpenSolaris' kernels and small ones as domU of 256 MiB: addresses by the rules of libxenguest (Xen 4.17,
/// tools/libs/guest), counted by hand.
@Suite struct XenDomUTests {
  private func domain(_ builder: ELFBuilder, modules: [UInt64] = [], mebibytes: UInt64 = 256) -> XenDomUVerdict {
    var request = XenImages.request(mebibytes: mebibytes)
    request.modules = modules.enumerated().map { .init(name: "module\($0)", size: .init($1)) }
    return builder.build().withRawSpan { XenDomU.domain($0, request) }
  }

  private func refusal(_ verdict: XenDomUVerdict) -> String? {
    guard case .refuses(let refusal) = verdict.outcome else { return nil }
    return refusal.words
  }

  private func prediction(_ verdict: XenDomUVerdict) -> LoadPlan? {
    guard case .loads(let prediction) = verdict.outcome else { return nil }
    return prediction
  }

  private func register(_ name: String, _ verdict: XenDomUVerdict) -> UInt64? {
    guard let found = prediction(verdict)?.entry.registers.first(where: { $0.name == name }),
      case .exactly(let value) = found.value
    else { return nil }
    return value
  }

  /// Kernel 0x80f pages; list 65536 * 8 / 4096 = 0x80 pages; tables 1 + 1 + 1 + 12 MiB / 2 MiB = 9.
  @Test func solaris64() {
    let verdict = domain(XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: XenImages.guest))
    #expect(
      verdict.segments.map(\.line) == [
        "xc_dom_alloc_segment:   kernel       : 0x40000000 -> 0x4080ed28  (pfn 0x0 + 0x80f pages)",
        "xc_dom_alloc_segment:   phys2mach    : 0x4080f000 -> 0x4088f000  (pfn 0x80f + 0x80 pages)",
        "xc_dom_alloc_segment:   start info   : 0x4088f000 -> 0x40890000  (pfn 0x88f + 0x1 pages)",
        "xc_dom_alloc_segment:   xenstore     : 0x40890000 -> 0x40891000  (pfn 0x890 + 0x1 pages)",
        "xc_dom_alloc_segment:   console      : 0x40891000 -> 0x40892000  (pfn 0x891 + 0x1 pages)",
        "xc_dom_alloc_segment:   page tables  : 0x40892000 -> 0x4089b000  (pfn 0x892 + 0x9 pages)",
        "xc_dom_alloc_segment:   boot stack   : 0x4089b000 -> 0x4089c000  (pfn 0x89b + 0x1 pages)",
        "xc_dom_alloc_segment:   padding      : 0x4089c000 -> 0x40c00000  (pfn 0x89c + 0x364 pages)",
      ])
    #expect(register("rip", verdict) == 0x4080_0000)
    #expect(register("rsp", verdict) == 0x4089_c000)
    #expect(register("rsi", verdict) == 0x4088_f000)
    #expect(register("cs", verdict) == 0xe033)
    let pieces = prediction(verdict)?.pieces ?? []
    #expect(pieces.map(\.owner) == ["kernel, cleared", "segment 0", "segment 1", "segment 2"])
    // The gaps are cleared with the rest: 0x80f pages.
    #expect(pieces.first?.zeroFill.value == 0x80_f000)
    #expect(pieces.dropFirst().map { $0.destination.start.value } == [0x80_0000, 0, 0x40_0000])
    #expect(prediction(verdict)?.remarks.isEmpty == true)
  }

  /// A list of 4 bytes each: 0x40 pages. Tables: 1, the second level to 4 GiB 4 - 1 = 3, 12 MiB / 2 MiB = 6.
  @Test func solaris32() {
    let verdict = domain(
      XenImages.builder(XenImages.solaris32, entry: 0x4080_0000, bits: .bits32, text: XenImages.guest + ",PAE=yes"))
    #expect(verdict["phys2mach"]?.pages == 0x40)
    #expect(verdict["start info"]?.range.start.value == 0x4084_f000)
    #expect(verdict["xenstore"]?.range.start.value == 0x4085_0000)
    #expect(verdict["console"]?.range.start.value == 0x4085_1000)
    #expect(verdict["page tables"]?.range.start.value == 0x4085_2000)
    #expect(verdict["page tables"]?.pages == 10)
    #expect(verdict["boot stack"]?.range.start.value == 0x4085_c000)
    #expect(verdict["padding"]?.range.endValue == 0x40c0_0000)
    #expect(register("esp", verdict) == 0x4085_d000)
    #expect(register("cs", verdict) == 0xe019)
  }

  @Test func thirtyTwoBitsNeedPAE() {
    let verdict = domain(
      XenImages.builder(XenImages.solaris32, entry: 0x4080_0000, bits: .bits32, text: XenImages.guest))
    #expect(
      refusal(verdict) == "xc_dom_compat_check: guest type xen-3.0-x86_32 not supported by xen kernel, sorry")
  }

  /// Two modules of 0xefc and 0x1001 bytes: a page and two, zeros behind each.
  @Test func modulesFollowTheKernel() {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest)
    let verdict = domain(image, modules: [0xefc, 0x1001])
    #expect(verdict["module0"]?.range.start.value == 0x4000_6000)
    #expect(verdict["module1"]?.range.start.value == 0x4000_7000)
    #expect(verdict["phys2mach"]?.range.start.value == 0x4000_9000)
    #expect(prediction(verdict)?.pieces.last?.zeroFill.value == 0xfff)
  }

  /// Behind 4 MiB: with MOD_START_PFN the module stands at frame 0x400, and the list at INIT_P2M in the frames behind.
  /// The list is 0x80 pages; 512 KiB at 4 GiB take an L2 and an L1.
  @Test func unmappedPartsComeLast() {
    let base: UInt64 = 0xffff_ffff_8000_0000
    let image = XenImages.noted(
      XenImages.builder([(0, 0x1000, 0x1000, 0x2000)], entry: base + 0x1000),
      [(.virtualBase, base), (.initialP2M, 0x1_0000_0000), (.moduleStartFrame, 1)])
    let verdict = domain(image, modules: [0xefc])
    #expect(verdict.segments.first?.name == "padding")
    #expect(verdict["kernel"]?.frame == 1)
    #expect(verdict["start info"]?.frame == 3)
    #expect(verdict["module0"]?.frame == 0x400)
    #expect(verdict["phys2mach"]?.frame == 0x401)
    #expect(verdict["phys2mach"]?.range.start.value == 0x1_0000_0000)
    // Another L3 as well: the base's is the last of the address space, the list's the first.
    #expect(verdict["phys2mach"]?.pages == 0x80 + 3)
    #expect(register("rsi", verdict) == base + 0x3000)
  }

  @Test func listThatIsNotBelowTheBaseStaysBehindTheKernel() {
    for list in [0x80_0000_0000, 0x3000_0123] as [UInt64] {
      let image = XenImages.noted(
        XenImages.builder(XenImages.small),
        [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000), (.initialP2M, list)])
      #expect(domain(image)["phys2mach"]?.range.start.value == 0x4000_6000)
    }
  }

  @Test func refusesInItsOwnWords() {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest)
    #expect(
      refusal(domain(image, mebibytes: 0))
        == "xc_dom_chk_alloc_pages: segment kernel too large (0x6 > 0x0 - 0x0 pages)")
    // The list of a MiB is one page; tables for 4 MiB are counted first: 0x3ff frames.
    #expect(
      refusal(domain(image, mebibytes: 1))
        == "count_pgtables: not enough memory for initial mapping (0x3ff > 0x100)")
    let unaligned = XenImages.builder(
      [(0, 0x4000_0800, 0x1000, 0x1000)], entry: 0x4000_0800, text: XenImages.guest)
    #expect(
      refusal(domain(unaligned)) == "xc_dom_alloc_pad: segment boundary isn't page aligned (0x40000800)")
    let outside = XenImages.builder(XenImages.small, entry: 0x5000_0000, text: XenImages.guest)
    #expect(refusal(domain(outside)) == "xc_dom_find_loader: no loader found")
    let arm = XenImages.builder(XenImages.small, machine: .aarch64, text: XenImages.guest)
    #expect(refusal(domain(arm)) == "xc_dom_guest_type: unknown image type 183")
  }

  /// The same words in FEATURES mean the opposite to the two builders.
  @Test func dom0Only() {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",FEATURES=!dom0")
    #expect(
      refusal(domain(image))
        == "xc_dom_parse_elf_kernel: Kernel does not support unprivileged (DomU) operation")
    #expect(XenImages.verdict(image).prediction != nil)
    let domU = XenImages.noted(
      XenImages.builder(XenImages.small), [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000)]
    ).note(owner: "Xen", type: 17, descriptor: XenImages.words(1, 4))
    #expect(prediction(domain(domU)) != nil)
    #expect(XenImages.verdict(domU).refusal == "Kernel does not support Dom0 operation")
  }

  /// Where the hypervisor refuses or misbehaves, the tool leaves out what it cannot copy, and boots.
  @Test func brokenImagesBoot() {
    var image = XenImages.builder(XenImages.small, text: XenImages.guest).build()
    // p_offset of program header 0, at 64 + 8.
    image[76] = 1
    let verdict = image.withRawSpan { XenDomU.domain($0, XenImages.request()) }
    #expect(verdict.broken == "out of range access")
    #expect(prediction(verdict)?.pieces.map(\.owner) == ["kernel, cleared", "segment 0"])
    #expect(prediction(verdict)?.remarks.map(\.kind).contains(.segmentIgnored) == true)
  }

  @Test func malformedImagesGetAnAnswer() {
    let image = XenImages.noted(
      XenImages.builder(XenImages.small, text: XenImages.guest), [(.virtualBase, 0x4000_0000), (.initialP2M, 0x1000)]
    ).build()
    var random = SeededGenerator(seed: 2006)
    for _ in 0..<500 {
      var bad = image
      for _ in 0..<6 { bad[Int(random.draw(4...240))] = UInt8(random.draw(0...255)) }
      _ = bad.withRawSpan { XenDomU.domain($0, XenImages.request()) }
    }
    for length in stride(from: 0, to: image.count, by: 37) {
      _ = Array(image.prefix(length)).withRawSpan { XenDomU.domain($0, XenImages.request()) }
    }
  }
}
