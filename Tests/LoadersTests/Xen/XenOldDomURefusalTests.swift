import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// What libxc of 2006 said, and where it went astray; words from its sources, without "ERROR: " and the errno.
@Suite struct XenOldDomURefusalTests {
  private func words(
    _ rules: XenRules, _ loads: [XenImages.Load] = XenImages.small, entry: UInt64 = 0x4000_0000,
    bits: ELFClass = .bits64, machine: Machine? = nil, flags: SegmentFlags = [.read, .write],
    text: String? = XenImages.guest, mebibytes: UInt64 = 256, host: XenHost = XenHost()
  ) -> String? {
    let builder = XenImages.builder(
      loads, entry: entry, bits: bits, machine: machine, flags: flags, text: text
    ).section(".text")
    return XenImages.domU(builder, rules, mebibytes: mebibytes, host: host).words
  }

  @Test(arguments: XenImages.oldRules) func headers(_ rules: XenRules) {
    #expect(words(rules) == nil)
    #expect(words(rules, machine: .aarch64) == "Kernel not a Xen-compatible Elf image.")
    #expect(words(rules, host: XenHost(processor: .i386)) == "Kernel not a Xen-compatible Elf image.")
    #expect(XenImages.domU([1, 2, 3, 4], rules).words == "Unrecognized image format")
    var image = XenImages.builder(XenImages.small, text: XenImages.guest).build()
    let sound = image
    // e_phnum, e_shnum, e_shstrndx.
    image[56...57] = [0xff, 0x7f]
    #expect(XenImages.domU(image, rules).words == "ELF program headers extend beyond end of image.")
    image = sound
    image[60...61] = [0xff, 0x7f]
    #expect(XenImages.domU(image, rules).words == "ELF section headers extend beyond end of image.")
    image = sound
    image[62...63] = [0, 0]
    #expect(
      XenImages.domU(image, rules).words == "ELF image has no section-header strings table (shstrtab).")
  }

  @Test(arguments: XenImages.oldRules) func strings(_ rules: XenRules) {
    #expect(
      words(rules, text: nil)
        == (rules == .august
          ? "Not a Xen-ELF image: No ELF notes or '__xen_guest' section found."
          : "Not a Xen-ELF image: '__xen_guest' section not found."))
    #expect(
      words(rules, text: "GUEST_OS=bsd,XEN_VER=xen-3.0")
        == "Will only load images built for the generic loader or Linux images")
    // Unlike the hypervisor, the tool refused this in August too.
    #expect(
      words(rules, text: "LOADER=generic,VIRT_BASE=0x40000000") == "Will only load images built for Xen v3.0")
    // The first GUEST_OS counts since August, any before.
    #expect(
      words(rules, text: "GUEST_OS=bsd,X" + XenImages.guest)
        == (rules == .august ? "Will only load images built for the generic loader or Linux images" : nil))
  }

  @Test(arguments: XenImages.oldRules) func places(_ rules: XenRules) {
    let outside = rules == .august ? "ELF start or entries are out of bounds." : "Malformed ELF image."
    #expect(words(rules, entry: 0x4000_5678) == nil)
    #expect(words(rules, entry: 0x4000_5679) == outside)
    #expect(words(rules, flags: [.read]) == outside)
    let checks = rules == .may21 || rules == .august
    #expect(words(rules, XenImages.small + [(0, 0x3fff_f000, 0x100, 0x100)]) == (checks ? outside : nil))
    if checks {
      #expect(
        words(rules, XenImages.small + [(0, 0xffff_ffff_ffff_f000, 0, 0x2000)])
          == (rules == .august ? "ELF program header 1 is too large." : outside))
      #expect(
        words(rules, text: "LOADER=generic,XEN_VER=xen-3.0,ELF_PADDR_OFFSET=0x40000000")
          == (rules == .august
            ? "Neither ELF_PADDR_OFFSET nor VIRT_BASE found in ELF  notes or __xen_guest section." : outside))
    }
  }

  @Test(arguments: XenImages.oldRules) func builder(_ rules: XenRules) {
    let text = XenImages.guest.replacing("0x40000000", with: "0x3ffff800")
    #expect(words(rules, text: text) == "Guest OS must load to a page boundary.")
    #expect(words(rules, text: XenImages.guest + ",PAE=yes") == "PAE-kernel on non-PAE host.")
    #expect(
      words(rules, bits: .bits32, host: XenHost(processor: .i386PAE)) == "Non PAE-kernel on PAE host.")
    #expect(
      words(rules, bits: .bits32, text: XenImages.guest + ",PAE=yes", host: XenHost(processor: .i386))
        == "PAE-kernel on non-PAE host.")
    // 4 MiB are 0x400 pages.
    #expect(words(rules, mebibytes: 4) == nil)
    #expect(words(rules, mebibytes: 3) == "Initial guest OS requires too much space")
  }

  /// A number that 32 bits do not hold is the greatest that they do; August's addresses have 64.
  @Test(arguments: XenImages.oldRules) func numbersSaturate(_ rules: XenRules) {
    let text = XenImages.guest.replacing("0x40000000", with: "0x140000000")
    let expected =
      switch rules {
      case .may21: "Malformed ELF image."
      case .august: "ELF start or entries are out of bounds."
      // v_start 0xffffffff.
      default: "Guest OS must load to a page boundary."
      }
    #expect(words(rules, bits: .bits32, text: text) == expected)
  }

  /// The last 4 MiB: the mapping ends at 2⁶⁴, which only August's sums mind. Tables: 1 + 1 + 1 + 2 = 5.
  @Test(arguments: XenImages.oldRules) func endOfTheAddressSpace(_ rules: XenRules) {
    let text = XenImages.guest.replacing("0x40000000", with: "0xffffffffffc00000")
    let base: UInt64 = 0xffff_ffff_ffc0_0000
    let verdict = XenImages.domU(
      XenImages.builder([(0, base, 0x1000, 0x1000)], entry: base, text: text), rules)
    #expect(verdict.words == (rules == .august ? "Value wrapped to zero: image too large?" : nil))
    #expect(verdict["page tables"]?.pages == (rules == .august ? nil : 5))
    let top = XenImages.domU(
      XenImages.builder([(0, 0xffff_ffff_ffff_f000, 0x100, 0x800)], entry: 0xffff_ffff_ffff_f000, text: text), rules)
    if rules == .august { #expect(top.words == "End of mapped kernel image too close to end of memory") }
  }

  /// A frame number from before the list; bytes from behind the file.
  @Test(arguments: XenImages.oldRules) func misbehaviours(_ rules: XenRules) {
    let text = XenImages.guest.replacing("0x40000000", with: "0x40001000")
    let below = XenImages.domU(XenImages.builder(XenImages.small, text: text), rules)
    if rules == .march2006 || rules == .may11 {
      #expect(below.outcome.misbehaviour?.effect == "takes numbers of frames from memory outside its list")
      #expect(below.outcome.misbehaviour?.evidence.contains("p_paddr 0x40000000") == true)
    } else {
      #expect(below.words != nil)
    }
    var image = XenImages.builder(XenImages.small, text: XenImages.guest).build()
    // p_offset of program header 0, at 64 + 8.
    image[76] = 1
    let behind = XenImages.domU(image, rules)
    #expect(behind.outcome.misbehaviour?.effect == "copies what lies in memory behind the image")
    #expect(behind.outcome.misbehaviour?.rule.source.contains("tools/libxc") == true)
  }

  /// The hypervisor counts a negative number of zeros; the tool copies all bytes of the file, and none.
  @Test(arguments: XenImages.oldRules) func moreBytesThanMemory(_ rules: XenRules) {
    let verdict = XenImages.domU(
      XenImages.builder([(0, 0x4000_0000, 0x4000, 0x1000)], text: XenImages.guest), rules)
    #expect(verdict.places == ["segment 0@0+4000+0"])
    #expect(verdict["kernel"]?.pages == 1)
  }

  @Test func malformedImagesGetAnAnswer() {
    let image = XenImages.noted(
      XenImages.builder(XenImages.small, text: XenImages.guest + ",BSD_SYMTAB=yes,FEATURES=!auto|x,HYPERCALL_PAGE=1"),
      [(.virtualBase, 0x4000_0000)]
    ).section(".symtab", type: .symbolTable, bytes: [0, 0], link: 3).section(".strtab", type: .stringTable).build()
    var random = SeededGenerator(seed: 2006)
    func tryAll(_ bad: [UInt8]) { for rules in XenImages.oldRules { _ = XenImages.domU(bad, rules, initrd: 0x1234) } }
    for _ in 0..<500 {
      var bad = image
      for _ in 0..<6 {
        let tail = random.draw(0...1) == 0
        bad[Int(tail ? random.draw(UInt64(bad.count - 8 * 64)...UInt64(bad.count - 1)) : random.draw(4...240))] =
          UInt8(random.draw(0...255))
      }
      tryAll(bad)
    }
    for length in stride(from: 0, to: image.count, by: 37) { tryAll(Array(image.prefix(length))) }
  }
}
