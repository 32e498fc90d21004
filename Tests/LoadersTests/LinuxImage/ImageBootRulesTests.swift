import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// Linux, Documentation/arch/arm64/booting.rst, and the RISC-V counterparts.
@Suite struct ImageBootRulesTests {
  private static let mebi: UInt64 = 1 << 20

  private func arm(
    _ image: ImageFile, _ ranges: [Range<UInt64>] = [0x4000_0000..<0x8000_0000], module: UInt64? = nil
  ) -> LoaderOutcome {
    var request = LoaderRequest(ramRanges: ranges)
    if let module { request.modules = [.init(name: "initrd", size: .init(module))] }
    return image.bytes.withRawSpan { ImageBootRules.arm64($0, request) }
  }

  private func riscv(_ image: ImageFile, _ ranges: [Range<UInt64>] = [0x8000_0000..<0x9000_0000]) -> LoaderOutcome {
    image.bytes.withRawSpan { ImageBootRules.riscv64($0, LoaderRequest(ramRanges: ranges)) }
  }

  /// The kernel at base + text_offset; the tree on the next 2 MiB behind image_size.
  @Test(
    arguments: [
      (0, 0x100_0000, 0x4000_0000, 0x4100_0000), (0x8_0000, 0x100_0000, 0x4008_0000, 0x4120_0000),
      (0, 0x100_0001, 0x4000_0000, 0x4120_0000),
    ] as [(UInt64, UInt64, UInt64, UInt64)])
  func lowestPlace(offset: UInt64, size: UInt64, start: UInt64, tree: UInt64) throws {
    let prediction = try #require(arm(.init(textOffset: offset, imageSize: size)).loadedPrediction)
    #expect(prediction.extentsByStart == [[start, 4096]])
    #expect(prediction.entry.address == start)
    #expect(prediction.entry.registers.contains(.init("x0", tree, "device tree")))
    for name in ["x1", "x2", "x3"] { #expect(prediction.entry.registers.contains(.init(name, 0, "reserved"))) }
    #expect(prediction.remarks.isEmpty)
  }

  /// [0x40080000, 0x40400000) has one multiple of 2 MiB, 0x40200000, and 2 MiB behind it.
  @Test func theWholeSizeFits() {
    let ranges: [Range<UInt64>] = [0x4008_0000..<0x4040_0000, 0x5000_0000..<0x6000_0000]
    #expect(arm(.init(imageSize: 2 * Self.mebi), ranges).loadedPrediction?.entry.address == 0x4020_0000)
    #expect(arm(.init(imageSize: 2 * Self.mebi + 1), ranges).loadedPrediction?.entry.address == 0x5000_0000)
    let refusal = arm(.init(imageSize: 257 * Self.mebi), ranges).statedRefusal
    #expect(refusal?.words == "no room for the kernel")
    #expect(refusal?.evidence == "text_offset 0x0, 0x10100000 bytes with .bss")
    // The last 2 MiB of 256 stay for the tree.
    #expect(arm(.init(imageSize: 254 * Self.mebi), ranges).loadedPrediction != nil)
    #expect(arm(.init(imageSize: 255 * Self.mebi), [ranges[1]]).statedRefusal?.words == "no room for the device tree")
  }

  /// Bit 3 clear: memory below the base is lost, which is worth a remark.
  @Test func placementBit() {
    let ranges: [Range<UInt64>] = [0x4000_1000..<0x5000_0000]
    #expect(arm(.init(imageSize: 4096, flags: 2), ranges).loadedPrediction?.hasRemark(.outsideMemory) == true)
    #expect(arm(.init(imageSize: 4096, flags: 0xa), ranges).loadedPrediction?.hasRemark(.outsideMemory) == false)
    // A base at the start of memory leaves nothing below it.
    let whole: [Range<UInt64>] = [0x4000_0000..<0x5000_0000]
    #expect(arm(.init(imageSize: 4096, flags: 2), whole).loadedPrediction?.hasRemark(.outsideMemory) == false)
    // 48 bits of physical address.
    let high: [Range<UInt64>] = [(1 << 48) - 0x20_0000..<1 << 49]
    #expect(arm(.init(imageSize: 0x20_0000), high).statedRefusal?.words == nil)
    #expect(arm(.init(imageSize: 0x20_0001), high).statedRefusal?.words == "no room for the kernel")
  }

  @Test(arguments: [(2, 4096), (4, 16_384), (6, 65_536), (0, nil)] as [(UInt64, UInt64?)])
  func pageSizes(flags: UInt64, size: UInt64?) {
    let request = LoaderRequest(ramRanges: [0x4000_0000..<0x8000_0000])
    ImageFile(imageSize: 4096, flags: flags).bytes.withRawSpan { image in
      #expect(ImageBootRules.arm64(image, request).loadedPrediction != nil)
      let others = [4096, 16_384, 65_536].filter { $0 != size }
      let refusal = ImageBootRules.arm64(image, request, pageSizes: others).statedRefusal
      #expect(refusal?.words == (size == nil ? nil : "page size not supported"))
      if let size { #expect(refusal?.evidence.hasSuffix("pages of \(size) bytes") == true) }
    }
  }

  /// Before 3.17: 0x80000 whatever text_offset says; the memory behind the kernel is its own, and the tree within 512 MiB:
  /// down(0x40080000 + 0x20000000 - 0x200000, 2 MiB) = 0x5fe00000.
  @Test func oldImages() throws {
    let prediction = try #require(arm(.init(textOffset: 0x1_2344, imageSize: 0)).loadedPrediction)
    #expect(prediction.entry.address == 0x4008_0000)
    #expect(prediction.entry.registers.contains(.init("x0", 0x5fe0_0000, "device tree")))
  }

  /// 0x40000000 lies in the window that ends at 0x40000000 + 32 GiB.
  @Test func initrdWindow() throws {
    let near: [Range<UInt64>] = [0x4000_0000..<0x4040_0000, 0x7_f000_0000..<0x8_4000_0000]
    let far: [Range<UInt64>] = [0x4000_0000..<0x4040_0000, 0x8_4000_0000..<0x9_0000_0000]
    let image = ImageFile(imageSize: 4096)
    let found = try #require(arm(image, near, module: 4 * Self.mebi).loadedPrediction)
    #expect(found.pieces.last?.destination.start.value == 0x7_f000_0000)
    #expect(arm(image, far, module: 4 * Self.mebi).statedRefusal?.words == "no room for the initrd")
    // Between the kernel's page and the tree at 0x40200000 is room for less.
    let small = try #require(arm(image, far, module: 0x1001).loadedPrediction)
    #expect(small.pieces.last?.destination.start.value == 0x4000_1000)
  }

  @Test func headerRefusals() {
    for (image, words, evidence) in [
      (ImageFile(magic: 0x1234_5678, imageSize: 1), "no Image magic", "magic 0x12345678 at 56"),
      (ImageFile(imageSize: 1, flags: 0xb), "big-endian kernel", "flags 0xb"),
      (ImageFile(textOffset: 2, imageSize: 1), "misaligned", "text_offset 0x2"),
      (ImageFile(prefix: 63, of: ImageFile()), "no room for an Image header", "63 bytes"),
      (ImageFile(textOffset: .max - 3, imageSize: 8), "no room for the kernel", "text_offset 0xfffffffffffffffc"),
    ] {
      let refusal = arm(image).statedRefusal
      #expect(refusal?.words == words)
      #expect(refusal?.evidence.hasPrefix(evidence) == true)
    }
  }

  /// text_offset leaves the first 2 MiB to the firmware.
  @Test func riscvKernels() throws {
    let image = ImageFile(isRISCV: true, textOffset: 0x20_0000, imageSize: 0x20_0001)
    let prediction = try #require(riscv(image).loadedPrediction)
    #expect(prediction.entry.address == 0x8020_0000)
    #expect(prediction.entry.mode == .riscvSupervisor)
    // up(0x80200000 + 0x200001, 2 MiB).
    #expect(prediction.entry.registers.contains(.init("a1", 0x8060_0000, "device tree")))
    #expect(prediction.entry.registers.contains(.init("satp", 0, "no paging")))
    func words(_ image: ImageFile) -> String? { riscv(image).statedRefusal?.words }
    #expect(words(.init(isRISCV: true, textOffset: 0x20_0000)) == "image_size missing")
    #expect(words(.init(isRISCV: true, textOffset: 0x10_0000, imageSize: 1)) == "misaligned")
    #expect(words(.init(isRISCV: true, textOffset: 0, imageSize: 1, flags: 1)) == "big-endian kernel")
    #expect(words(.init(imageSize: 1)) == "no Image magic")
  }
}
