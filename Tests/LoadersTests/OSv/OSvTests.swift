import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

@testable import RealLoaders

/// OSv's own boot path (arch/x64/boot16.S, boot.S), and what the field makes of its two kernels.
@Suite struct OSvTests {
  private let request = LoaderRequest(ramRanges: [0..<0xa_0000, 0x10_0000..<0x2000_0000])

  private func load(_ image: [UInt8], _ loader: LoaderName, _ other: LoaderRequest? = nil) -> LoaderOutcome {
    image.withRawSpan { loader.model($0, other ?? request) }
  }

  /// The file as it is at 0x200000, 32-bit, eax the ELF header; mapped 1:1 before, 0x40000000 higher after.
  @Test(
    arguments: [
      (.osvLow, OSvTwin.old, "0x200000"), (.osvHigh, OSvTwin.new, "0x40200000"),
    ] as [(LoaderName, [UInt8], String)])
  func ownWay(loader: LoaderName, image: [UInt8], virtual: String) throws {
    let prediction = try #require(load(image, loader).loadedPrediction)
    #expect(prediction.extentsByStart == [[0x20_0000, 0x5000]])
    #expect(prediction.entry.mode == .protected32)
    #expect(prediction.entry.address == 0x20_1000)
    #expect(prediction.entry.registers.contains(.init("eax", 0x20_0000, "ELF header")))
    #expect(prediction.entry.registers.contains(.init("ebx", 0x1000, "Multiboot information")))
    #expect(prediction.decisions.first { $0.subject == "virtual place" }?.choice == virtual)
    #expect(prediction.remarks.isEmpty)
  }

  /// e_entry of the new kernel is 64-bit code; the old one has no slot, and nothing at +0x40000000.
  @Test func theOtherGeneration() throws {
    let new = try #require(load(OSvTwin.new, .osvLow).loadedPrediction)
    #expect(new.entry.address == 0x20_1100)
    #expect(new.remarks.map(\.sentence).contains { $0.hasPrefix("program header 0, p_vaddr 0x40200000") })
    let old = try #require(load(OSvTwin.old, .osvHigh).loadedPrediction)
    #expect(old.entry.address == 0x9090_9090)
    #expect(old.hasRemark(.entryOutsideImage))
  }

  @Test func addressees() {
    func loaders(_ image: [UInt8]) -> [LoaderName] {
      image.withRawSpan { span in [LoaderName.osvLow, .osvHigh].filter { $0.isAddressed(by: span) } }
    }
    #expect(loaders(OSvTwin.old) == [.osvLow])
    #expect(loaders(OSvTwin.new) == [.osvHigh])
    #expect(loaders(MarkedKernel(for: .osvLow).bytes) == [])
  }

  @Test func nothingIsChecked() throws {
    // 0x803 bytes end in the slot.
    #expect(load(Array(OSvTwin.new.prefix(0x803)), .osvHigh).statedMisbehaviour != nil)
    #expect(load(Array(OSvTwin.new.prefix(0x804)), .osvHigh).loadedPrediction != nil)
    let small = LoaderRequest(ramRanges: [0..<0xa_0000, 0x10_0000..<0x20_4fff])
    #expect(load(OSvTwin.new, .osvHigh, small).loadedPrediction?.hasRemark(.outsideMemory) == true)
    // p_paddr of the first segment, at 64 + 24.
    var moved = OSvTwin.new
    moved.replaceSubrange(88..<96, with: UInt64(0x30_0000).bytes)
    let prediction = try #require(load(moved, .osvHigh).loadedPrediction)
    #expect(prediction.extentsByStart == [[0x20_0000, 0x5000]])
    #expect(prediction.hasRemark(.segmentIgnored))
  }
}
