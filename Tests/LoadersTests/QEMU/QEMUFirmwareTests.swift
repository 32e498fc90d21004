import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// What lies in the way of a kernel under QEMU 7.2's `pc` with 64 MiB, as its memory showed at the entry.
@Suite struct QEMUFirmwareTests {
  private let request = LoaderRequest(machine: memoryMap(from: 0, mebibytes: 64), imageName: "k")

  private func load(_ image: [UInt8]) -> LoaderOutcome { image.withRawSpan { QEMU.x86($0, request) } }

  /// By address fields, with the header at 0x20 of the file.
  private func multiboot(_ load: UInt32, count: Int) -> LoaderOutcome {
    let words: [UInt32] = [0x1bad_b002, 0x1_0000, 0 &- 0x1bae_b002, load + 0x20, load, 0, 0, load]
    var bytes = [UInt8](repeating: 0x90, count: count)
    bytes.replaceSubrange(
      0x20..<0x40, with: words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
    return self.load(bytes)
  }

  private func pvh(_ address: UInt64, count: Int = 0x1000) -> LoadPlan? {
    let kernel = ELFBuilder().segment(virtual: 0x20_0000, bytes: [0xeb, 0xfe])
      .segment(virtual: address, bytes: [UInt8](repeating: 1, count: count))
      .note(owner: "Xen", type: 18, descriptor: [0, 0, 0x20, 0, 0, 0, 0, 0])
    return load(kernel.build()).prediction
  }

  /// The boot information lies from 0x9000 to 0x9558. 0x8800 and 0x2000 bytes: none of it is left. 0x9510 and more: its
  /// first 16 bytes are.
  @Test func theBufferIsCopiedOverTheInformation() throws {
    let over = try #require(multiboot(0x8800, count: 0x2000).prediction)
    #expect(over.start(of: "boot information") == nil)
    #expect(over.remarks.map(\.kind) == [.overlap])
    let part = try #require(multiboot(0x9510, count: 0x400).prediction)
    let left = part.pieces.filter { $0.owner == "boot information" }.map(\.extent)
    #expect(left.map(\.start.value) == [0x9500, 0x950c])
    #expect(left.map(\.endValue) == [0x9504, 0x9510])
    #expect(multiboot(0xa000, count: 0x400).prediction?.remarks == [])
  }

  /// Seen: the word at 0x6ef8 is 0, whatever the kernel has there. The strings follow the kernel on a page of its start.
  @Test(arguments: [(0x5000, true), (0x6efc, true), (0x6f08, false)] as [(UInt32, Bool)])
  func theOptionROMsStackIsOpen(address: UInt32, isOpen: Bool) throws {
    #expect(try #require(multiboot(address, count: 0x1000).prediction).hasRemark(.unspecified) == isOpen)
  }

  /// Seen with 0x400 bytes, which makes a buffer of 0x2000: the kernel is entered, but for those over the option ROM.
  @Test(
    arguments: [
      (0xa_0000, true), (0xc_0000, true), (0xc_8000, true), (0xc_9000, true), (0xc_9c00, false), (0xc_a000, false),
      (0xc_b000, false), (0xc_b400, true), (0xc_b800, true), (0xd_0000, true), (0xe_0000, true), (0xf_0000, true),
    ] as [(UInt32, Bool)])
  func theOptionROMCannotBeOverwritten(address: UInt32, loads: Bool) {
    let outcome = multiboot(address, count: 0x400)
    #expect((outcome.prediction != nil) == loads)
    #expect((outcome.misbehaviour?.effect.hasPrefix("overwrites the option ROM") == true) == !loads)
  }

  /// The top of 64 MiB: 128 KiB of tables, and a quarter below them, from 0x2fe0000.
  @Test(
    arguments: [
      (0x0, true), (0x8000, true), (0x9_f000, true), (0x30_0000, false), (0x2fd_f000, false), (0x2fd_f001, true),
      (0x3ff_f000, true),
    ] as [(UInt64, Bool)])
  func theFirmwareWritesOverASegment(address: UInt64, isOpen: Bool) throws {
    let prediction = try #require(pvh(address))
    #expect(prediction.hasRemark(.unspecified) == isOpen)
  }

  /// Seen after a reset: nothing is written at 1 MiB.
  @Test func whatBeginsInROMIsWrittenOnce() throws {
    #expect(try #require(pvh(0xf_f000, count: 0x2000)).hasRemark(.unspecified))
    #expect(try #require(pvh(0xf_f000, count: 0x1000)).hasRemark(.unspecified) == false)
  }

  @Test func theModuleIsWrittenLast() throws {
    var request = request
    request.modules = [.init(name: "i", size: ByteCount(0x3000))]
    let kernel = ELFBuilder().segment(virtual: 0x3f0_0000, bytes: [UInt8](repeating: 1, count: 0xf_0000))
      .note(owner: "Xen", type: 18, descriptor: [0, 0, 0xf0, 3, 0, 0, 0, 0])
    let prediction = try #require(kernel.build().withRawSpan { QEMU.x86($0, request) }.prediction)
    #expect(prediction.pieces.last?.source == .module(0))
  }

  /// load_at() gives nothing for a table of 0 bytes.
  @Test func aFileWithoutProgramHeadersIsNotTaken() {
    #expect(load(ELFBuilder().build()).refusal?.words == "Error while loading elf kernel")
  }
}
