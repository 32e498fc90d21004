import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The classes of XSA-55 and its successors: an answer, at once, and never a trap.
@Suite struct XenMalformedTests {
  private static var image: [UInt8] {
    XenImages.noted(
      XenImages.builder(XenImages.small, text: XenImages.guest + ",BSD_SYMTAB=yes,FEATURES=!dom0|x"),
      [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000)]
    ).section(".symtab", type: .symbolTable, bytes: [0, 0], link: 3).section(".strtab", type: .stringTable).build()
  }

  private func tryAll(_ image: [UInt8]) {
    for rules in XenRules.allCases { _ = XenImages.verdict(image, rules: rules, initrd: 0x1234) }
  }

  @Test func truncations() {
    let image = Self.image
    for length in stride(from: 0, to: image.count, by: image.count / 150) { tryAll(Array(image.prefix(length))) }
  }

  @Test func extremesInEveryField() {
    let image = Self.image
    let tableStart = image.count - 8 * 64
    for place in Array(stride(from: 4, to: 64 + 3 * 56, by: 2))
      + Array(stride(from: tableStart, to: image.count, by: 4))
    {
      for value in [0xff, 0x7f, 0] as [UInt8] {
        for width in [2, 8] where place + width <= image.count {
          var bad = image
          for index in place..<place + width { bad[index] = value }
          tryAll(bad)
        }
      }
    }
  }

  @Test func randomBytes() {
    var generator = SeededGenerator(seed: 2006)
    for _ in 0..<300 {
      var bad = Self.image
      for _ in 0..<8 {
        bad[Int.random(in: 4..<240, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      tryAll(bad)
    }
  }

  @Test func tablesOutsideTheFile() {
    var image = Self.image
    // e_phnum: 0x40 + 0xffff * 0x38 = 0x380008.
    image[56...57] = [0xff, 0xff]
    #expect(XenImages.verdict(image).refusal?.hasPrefix("ELF: phdr overflow (off 380008 > size ") == true)
    #expect(
      XenImages.verdict(image, rules: .may11).refusal == "ELF program headers extend beyond end of image.")
  }

  @Test func memoryWithoutEnd() {
    let high: UInt64 = 0xffff_ffff_ffff_0000
    let verdict = XenImages.verdict(
      XenImages.builder([(0, high, 0x100, 0x1000)], entry: high, text: "LOADER=generic,XEN_VER=xen-3.0"))
    #expect(verdict.misbehaviour == "counts page tables for an address space that no domain has")
  }

  /// p_offset beyond the file: the hypervisor copies what is there.
  @Test func bytesOutsideTheFile() {
    var image = XenImages.builder(XenImages.small, text: XenImages.guest).build()
    // p_offset of program header 0, at 64 + 8.
    image[76] = 1
    #expect(XenImages.verdict(image).misbehaviour == "copies what lies in memory behind the image")
    #expect(XenImages.verdict(image, rules: .march2006).misbehaviour != nil)
  }

  /// A note whose size leaves the file ends the walk.
  @Test func notesThatLeaveTheFile() {
    var builder = XenImages.noted(XenImages.builder(XenImages.small, text: XenImages.guest)).build()
    let header = 64 + 56
    let offset = Int(builder[header + 8]) | Int(builder[header + 9]) << 8
    builder.replaceSubrange(offset + 4..<offset + 8, with: [0xff, 0xff, 0xff, 0xff])
    // The version in the second note is never seen.
    #expect(XenImages.verdict(builder).refusal == "ERROR: Xen will only load images built for Xen v3.0 (Not '')")
  }
}
