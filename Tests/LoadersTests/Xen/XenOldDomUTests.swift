import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

extension XenImages {
  /// The builders of 2006.
  static let oldRules = XenRules.allCases.filter { $0 != .modern }

  static func domU(
    _ builder: ELFBuilder, _ rules: XenRules, mebibytes: UInt64 = 256, initrd: UInt64? = nil, host: XenHost = XenHost()
  ) -> XenDomUVerdict {
    domU(builder.build(), rules, mebibytes: mebibytes, initrd: initrd, host: host)
  }

  static func domU(
    _ image: [UInt8], _ rules: XenRules, mebibytes: UInt64 = 256, initrd: UInt64? = nil, host: XenHost = XenHost()
  ) -> XenDomUVerdict {
    image.withRawSpan {
      XenDomU.domain($0, request(mebibytes: mebibytes, initrd: initrd), rules: rules, host: host)
    }
  }
}

extension XenDomUVerdict {
  var plan: LoadPlan? { outcome.prediction }
  var words: String? { outcome.refusal?.words }

  /// "owner@start+bytes+zeros", pseudo-physical.
  var places: [String] {
    func digits(_ value: UInt64) -> String { String(value, radix: 16) }
    return (plan?.pieces ?? []).map {
      "\($0.owner)@\(digits($0.destination.start.value))+\(digits($0.destination.count.value))"
        + "+\(digits($0.zeroFill.value))"
    }
  }

  /// "name@frame+pages".
  var frames: [String] {
    segments.map { "\($0.name)@\(String($0.frame, radix: 16))+\(String($0.pages, radix: 16))" }
  }
}

/// Kernels as domains of 256 MiB under libxc of 2006: places and counts follow from its sources (tools/libxc,
/// xc_load_elf.c and xc_linux_build.c at the changesets that the models name), with the arithmetic beside them.
@Suite struct XenOldDomUTests {
  /// Kernel to 0x4080ed28: 0x80f pages. List: 65,536 pages * 8 bytes = 0x80 pages. Three pages. Tables for 12 MiB:
  /// 1 L4 + 1 L3 + 1 L2 + 12 / 2 L1 = 9. A stack page, and 4 MiB's multiple behind it.
  @Test(arguments: XenImages.oldRules) func solaris64(_ rules: XenRules) {
    let image = XenImages.builder(XenImages.solaris64, entry: 0x4080_0000, text: XenImages.guest)
    let verdict = XenImages.domU(image, rules)
    #expect(verdict.places == XenSolarisTests.places)
    #expect(
      verdict.frames == [
        "kernel@0+80f", "phys2mach@80f+80", "start info@88f+1", "xenstore@890+1", "console@891+1", "page tables@892+9",
        "boot stack@89b+1", "padding@89c+364",
      ])
    #expect(verdict["kernel"]?.range.endValue == 0x4080_ed28)
    #expect(verdict["padding"]?.range.endValue == 0x40c0_0000)
    #expect(verdict.plan?.value(of: "rip") == 0x4080_0000)
    #expect(verdict.plan?.value(of: "rsi") == 0x4088_f000)
    #expect(verdict.plan?.value(of: "rsp") == 0x4089_c000)
    #expect(verdict.plan?.value(of: "rflags") == 0x202)
    #expect(verdict.plan?.value(of: "cs") == 0xe033)
    #expect(verdict.plan?.remarks.isEmpty == true)
    #expect(verdict.plan?.loader.rawValue.hasPrefix("xen-domu-") == true)
  }

  /// A list of 4 bytes each: 0x40 pages. Tables: 1 + 12 MiB / 4 MiB = 4.
  @Test(arguments: XenImages.oldRules) func solaris32(_ rules: XenRules) {
    let image = XenImages.builder(XenImages.solaris32, entry: 0x4080_0000, bits: .bits32, text: XenImages.guest)
    let verdict = XenImages.domU(image, rules)
    #expect(verdict.places == ["segment 0@800000+e95c+0", "segment 1@0+2aa362+0", "segment 2@400000+16515+7e52f"])
    #expect(
      verdict.frames == [
        "kernel@0+80f", "phys2mach@80f+40", "start info@84f+1", "xenstore@850+1", "console@851+1", "page tables@852+4",
        "boot stack@856+1", "padding@857+3a9",
      ])
    #expect(verdict.plan?.value(of: "esp") == 0x4085_7000)
    #expect(verdict.plan?.value(of: "esi") == 0x4084_f000)
    #expect(verdict.plan?.value(of: "cs") == 0xe019)
  }

  /// With PAE, until 20 May 12 MiB / 2 MiB + 2 = 8 tables, and none for the fourth gibibyte, without which the
  /// hypervisor pins nothing; then 1 L3 + 1 L2 + 6 L1 + 1 L2 = 9.
  @Test(arguments: XenImages.oldRules) func solaris32WithPAE(_ rules: XenRules) {
    let text = XenImages.guest + ",PAE=yes"
    let image = XenImages.builder(XenImages.solaris32, entry: 0x4080_0000, bits: .bits32, text: text)
    let verdict = XenImages.domU(image, rules)
    let isFirst = rules == .march2006 || rules == .may11
    #expect(verdict["page tables"]?.frame == 0x852)
    #expect(verdict["page tables"]?.pages == (isFirst ? 8 : 9))
    #expect(verdict.words == (isFirst ? "Error constructing guest OS" : nil))
    #expect(verdict.plan?.value(of: "esp") == (isFirst ? nil : 0x4085_c000))
  }

  /// Linux stands in the fourth gibibyte: 4 MiB / 2 MiB + 2 = 4 tables, then 1 + 1 + 2 + 0 = 4.
  @Test(arguments: XenImages.oldRules) func linux32WithPAE(_ rules: XenRules) {
    let image = XenImages.builder(
      [(0xc010_0000, 0xc010_0000, 0x3000, 0x9000)], entry: 0xc010_0000, bits: .bits32,
      text: "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,PAE=yes")
    let verdict = XenImages.domU(image, rules)
    #expect(verdict.places == ["segment 0@100000+3000+6000"])
    #expect(verdict["page tables"]?.pages == 4)
  }

  @Test(arguments: XenImages.oldRules) func oldLinuxLoadsAsVirtual(_ rules: XenRules) {
    let entry = XenLinuxTests.entry
    let image = XenImages.builder([(entry, entry, 0x3000, 0x9000)], entry: entry, text: XenLinuxTests.base)
    let verdict = XenImages.domU(image, rules)
    #expect(verdict.places == ["segment 0@100000+3000+6000"])
    #expect(verdict.plan?.value(of: "rip") == entry)
    #expect(verdict["kernel"]?.frame == 0x100)
  }

  /// The vsyscall page's segment by its p_paddr lies beside the others; by p_paddr = p_vaddr almost 2 GiB above.
  @Test(arguments: XenImages.oldRules) func vsyscall(_ rules: XenRules) {
    let low = XenImages.domU(
      XenImages.builder(
        XenLinuxTests.physical, entry: XenLinuxTests.entry, text: XenLinuxTests.base + ",ELF_PADDR_OFFSET=0x0"), rules)
    if rules == .march2006 {
      #expect(low.words == "Malformed ELF image.")
    } else {
      #expect(low.places == ["segment 0@100000+3000+0", "segment 1@103000+c00+0", "segment 2@104000+1000+8000"])
      #expect(low["padding"]?.range.endValue == XenLinuxTests.high + 4 << 20)
    }
    let loads = XenLinuxTests.physical.map { ($0.virtual, $0.virtual, $0.fileSize, $0.memorySize) as XenImages.Load }
    let high = XenImages.domU(
      XenImages.builder(loads, entry: XenLinuxTests.entry, text: XenLinuxTests.base), rules)
    #expect(high.words == "Initial guest OS requires too much space")
  }

  /// Without a base the kernel's start is pseudo-physical 0, but 11 May took nothing off p_paddr; August's base is 0.
  @Test(arguments: zip(XenImages.oldRules, ["0", "100000", "0", "100000"]))
  func noBase(_ rules: XenRules, _ place: String) {
    let image = XenImages.builder(
      [(0, 0x10_0000, 0x1000, 0x2000)], entry: 0x10_0000, text: "LOADER=generic,XEN_VER=xen-3.0")
    let verdict = XenImages.domU(image, rules)
    #expect(verdict.places == ["segment 0@\(place)+1000+1000"])
    #expect(verdict["kernel"]?.frame == (rules == .august ? 0x100 : 0))
    #expect(verdict.plan?.remarks.map(\.kind) == (rules == .may11 ? [.entryOutsideImage] : []))
  }

  /// 0x5678 bytes are 6 pages; the initrd's one stands before the list.
  @Test(arguments: XenImages.oldRules) func initrdFollowsTheKernel(_ rules: XenRules) {
    let verdict = XenImages.domU(
      XenImages.builder(XenImages.small, text: XenImages.guest), rules, initrd: 0xefc)
    #expect(verdict.frames.prefix(4) == ["kernel@0+6", "module0@6+1", "phys2mach@7+80", "start info@87+1"])
    #expect(verdict.places.last == "initrd@6000+efc+0")
    #expect(verdict.plan?.remarks.map(\.kind) == [.unspecified])
  }

  /// Required features are those with "!"; a beginning of a name is enough.
  @Test(arguments: XenImages.oldRules) func translatedDomainsHaveThePageOfSharedInformation(_ rules: XenRules) {
    for (features, has) in [("x|!auto", true), ("auto_translated_physmap", false), ("!writable_page_tables", false)] {
      let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",FEATURES=\(features),X=!auto")
      let verdict = XenImages.domU(image, rules)
      #expect(verdict["shared info"]?.frame == (has ? 0x89 : nil))
      #expect(verdict["page tables"]?.frame == (has ? 0x8a : 0x89))
    }
  }

  /// Notes came in August: the offset is 0 then, and a number has 4 or 8 bytes.
  @Test func notes() {
    let builder = XenImages.builder(XenImages.small)
    var bytes: [UInt8] = []
    for (type, text) in [(6, "linux"), (5, "xen-3.0"), (10, "!auto_translated_physmap")] as [(UInt32, String)] {
      bytes += builder.noteBytes(owner: "Xen", type: type, descriptor: Array(text.utf8) + [0])
    }
    for (type, value, size) in [
      (.virtualBase, 0x4000_0000, 4), (.physicalOffset, 0x4000_0000, 8), (.virtualBase, 0x3000_0000, 8),
      (.hypercallPage, 0x4000_3000, 8),
    ] as [(XenNoteType, UInt64, Int)] {
      bytes += builder.noteBytes(owner: "Xen", type: type.rawValue, descriptor: XenImages.words(value, size))
    }
    let image = builder.section(".notes", type: .note, bytes: bytes)
    let verdict = XenImages.domU(image, .august)
    #expect(verdict.places == ["segment 0@0+1234+4444"])
    #expect(verdict["shared info"] != nil)
    #expect(verdict.plan?.remarks.first?.sentence.hasSuffix("pseudo-physical 0x3000.") == true)
    #expect(
      XenImages.domU(image, .may21).words == "Not a Xen-ELF image: '__xen_guest' section not found.")
  }

  /// The number had base 16 without a prefix; August's has C's.
  @Test func hypercallPage() {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",HYPERCALL_PAGE=10")
    let sentence = { (rules: XenRules) in XenImages.domU(image, rules).plan?.remarks.first?.sentence }
    #expect(sentence(.may21)?.hasSuffix("pseudo-physical 0x10000.") == true)
    #expect(sentence(.august)?.hasSuffix("pseudo-physical 0xa000.") == true)
    let last = XenImages.builder(XenImages.small, text: XenImages.guest + ",HYPERCALL_PAGE=0x10000")
    for rules in XenImages.oldRules { #expect(XenImages.domU(last, rules).words == "Error constructing guest OS") }
  }

  /// Count, ELF header and five section headers behind 0x5678: 4 + 64 + 5 * 64 = 0x184, up to 0x5800; then .symtab, and
  /// .strtab at 0x5830 to 0x6830, so that the list starts at frame 7.
  @Test(arguments: XenImages.oldRules) func symbolTables(_ rules: XenRules) throws {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",BSD_SYMTAB=yes")
      .section(".symtab", type: .symbolTable, bytes: Array(repeating: 0, count: 48), link: 3)
      .section(".strtab", type: .stringTable, bytes: Array(repeating: 0, count: 0x1000))
    let verdict = XenImages.domU(image, rules)
    #expect(
      verdict.places == [
        "segment 0@0+1234+4444", "section 2@5800+30+0", "section 3@5830+1000+0", "symbol table header@5678+184+0",
      ])
    #expect(verdict["phys2mach"]?.frame == 7)
    let head = try #require(verdict.plan?.blobs.first?.bytes)
    func word(_ place: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(head[place + $1]) << UInt64($1 * 8) } }
    // From behind the count, at 0x567c, to 0x6830; e_shoff; sh_offset of sections 2, 3 and of .shstrtab, the fourth.
    #expect(word(0) & 0xffff_ffff == 0x6830 - 0x567c)
    #expect(word(4 + 40) == 64)
    #expect(word(4 + 64 + 2 * 64 + 24) == 0x5800 - 0x567c)
    #expect(word(4 + 64 + 3 * 64 + 24) == 0x5830 - 0x567c)
    #expect(word(4 + 64 + 4 * 64 + 24) == 0)
  }
}
