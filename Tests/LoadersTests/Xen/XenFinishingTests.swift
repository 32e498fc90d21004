import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// What the builder of Xen 4.17 does behind the copy of the segments.
@Suite struct XenFinishingTests {
  private func noted(_ numbers: [(XenNoteType, UInt64)]) -> ELFBuilder {
    XenImages.noted(
      XenImages.builder(XenImages.small), [(.virtualBase, 0x4000_0000), (.physicalOffset, 0x4000_0000)] + numbers)
  }

  /// Entry 2 is `__HYPERVISOR_…` 2; entry 23, iret, does not return (xen/arch/x86/pv/hypercall.c).
  @Test func hypercallPageIsFilled() throws {
    let prediction = try #require(XenImages.verdict(noted([(.hypercallPage, 0x4000_4000)])).prediction)
    #expect(prediction.pieces.last?.owner == "hypercall page")
    #expect(prediction.pieces.last?.destination.start.value == 0x4000)
    let bytes = try #require(prediction.blobs.first?.bytes)
    #expect(bytes.count == 4096)
    #expect(
      Array(bytes[64..<80])
        == [0x51, 0x41, 0x53, 0xb8, 2, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3, 0xcc, 0xcc])
    #expect(
      Array(bytes[736..<748]) == [0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05, 0xcc])
  }

  /// Kernel 6 pages, list 0x80, start information 1: tables at 0x87000, mapping to 0x400000.
  @Test(arguments: [0x4008_7000, 0x4008_6001, 0x403f_f001] as [UInt64])
  func hypercallPageThatFaults(_ page: UInt64) {
    #expect(XenImages.verdict(noted([(.hypercallPage, page)])).misbehaviour == "faults in writing the hypercall page")
  }

  @Test func baseInThePageFaults() {
    let text = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x40000123"
    let image = XenImages.builder([(0, 0x4000_1000, 0x1000, 0x1000)], entry: 0x4000_1000, text: text)
    #expect(XenImages.verdict(image).misbehaviour?.hasPrefix("builds page tables at addresses") == true)
  }

  @Test func supervisorModeIsGone() {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",FEATURES=!supervisor_mode_kernel")
    #expect(XenImages.verdict(image).refusal == "Dom0 requires supervisor-mode execution")
  }

  @Test func listInXensAreaIsNotFed() {
    #expect(XenImages.verdict(noted([(.initialP2M, 0xffff_8300_0000_0000)])).misbehaviour != nil)
  }

  /// pend 0x40005678 is a multiple of 8: 264 bytes of headers, 48 of symbols, 7 of names.
  @Test func symbolsStandBehindTheKernel() throws {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",BSD_SYMTAB=yes")
      .section(".symtab", type: .symbolTable, bytes: Array(repeating: 1, count: 48), link: 3)
      .section(".strtab", type: .stringTable, bytes: Array(repeating: 2, count: 7))
    let verdict = XenImages.verdict(image)
    #expect(
      verdict.places == [
        "segment 0@0+1234+4444", "symbols@5780+30+0", "symbols' names@57b0+7+0", "symbols' ELF header@5678+44+0",
        "symbols' section headers@56fc+80+0",
      ])
    let header = try #require(verdict.prediction?.blobs.first?.bytes)
    // 0x57b0 + 7 - 0x5678 - 4; then e_shnum, 60 bytes into the ELF header.
    #expect(Array(header[0..<4]) == [0x3b, 0x01, 0, 0])
    #expect(Array(header[64..<66]) == [3, 0])
  }

  /// A link to no section is no table; one to another kind of section is passed over in silence.
  @Test(arguments: [
    (0, "invalid ELF handle for symtab section"), (50, "invalid ELF handle for symtab section"), (1, nil),
  ])
  func symbolsWithoutNames(_ link: UInt32, _ broken: String?) {
    let image = XenImages.builder(XenImages.small, text: XenImages.guest + ",BSD_SYMTAB=yes")
      .section(".symtab", type: .symbolTable, bytes: Array(repeating: 1, count: 48), link: link)
      .section(".strtab", type: .stringTable, bytes: [0])
    let verdict = XenImages.verdict(image)
    #expect(verdict.broken == broken)
    #expect(verdict.arrangement?.kernel.endValue == 0x4000_5678)
  }

  /// Leaving between the parse and the copy, Xen does not say that the image is broken.
  @Test func brokenIsSaidWhereTheBuilderSaysSo() {
    let text = XenImages.guest + ",BSD_SYMTAB=yes"
    let refused = XenImages.verdict(XenImages.builder(XenImages.small, machine: .aarch64, text: text))
    #expect(refused.lines.last == "Mismatch between Xen and DOM0 kernel")
    let loaded = XenImages.verdict(XenImages.builder(XenImages.small, text: text))
    #expect(loaded.lines.last == "Dom0 kernel broken ELF: invalid ELF handle for symtab section")
  }
}
