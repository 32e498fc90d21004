import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// `Image` files in Firecracker and Cloud Hypervisor. Expectations from src/loader/pe/mod.rs of linux-loader and from the
/// monitors' layouts.
@Suite struct LinuxLoaderImageTests {
  private func load(
    _ image: ImageFile, _ loader: LoaderName, mebibytes: UInt64 = 512, module: UInt64? = nil
  ) -> LoaderOutcome {
    let start: UInt64 = loader == .firecrackerAArch64 ? 0x8000_0000 : 0x4000_0000
    var request = LoaderRequest(ramRanges: [start..<start + mebibytes << 20])
    if let module { request.modules = [.init(name: "initrd", size: .init(module))] }
    return image.bytes.withRawSpan { loader.model($0, request) }
  }

  /// 0x80200000, 0x40400000 and 0x40200000 with text_offset; Firecracker's device tree at 0xa0000000 - 0x200000.
  @Test(
    arguments: [
      (.firecrackerAArch64, 0, 0x8020_0000, 0x9fe0_0000), (.cloudHypervisorAArch64, 0, 0x4040_0000, 0x4000_0000),
      (.firecrackerAArch64, 0x8_0000, 0x8028_0000, 0x9fe0_0000),
      (.cloudHypervisorAArch64, 0x8_0000, 0x4048_0000, 0x4000_0000),
      (.cloudHypervisorRISCV, 0x20_0000, 0x4040_0000, 0x4000_0000),
    ] as [(LoaderName, UInt64, UInt64, UInt64)])
  func places(loader: LoaderName, offset: UInt64, start: UInt64, tree: UInt64) throws {
    let image = ImageFile(isRISCV: loader == .cloudHypervisorRISCV, textOffset: offset, imageSize: 0x10_0000)
    let prediction = try #require(load(image, loader).loadedPrediction)
    #expect(prediction.loader == loader)
    // The file's bytes and no more: image_size is not reserved.
    #expect(prediction.extentsByStart == [[start, 4096]])
    #expect(prediction.entry.address == start)
    let isRISCV = loader == .cloudHypervisorRISCV
    #expect(prediction.entry.mode == (isRISCV ? .riscvSupervisor : .aarch64EL1))
    #expect(prediction.entry.registers.contains(.init(isRISCV ? "a1" : "x0", tree, "device tree")))
    for name in isRISCV ? ["a0", "satp"] : ["x1", "x2", "x3"] {
      #expect(prediction.entry.registers.first { $0.name == name }?.value == .exactly(0))
    }
  }

  /// Without image_size an AArch64 kernel is one from before 3.17; RISC-V has no such rule.
  @Test func withoutImageSize() throws {
    let arm = ImageFile(textOffset: 0x1234, imageSize: 0)
    #expect(load(arm, .firecrackerAArch64).loadedPrediction?.entry.address == 0x8028_0000)
    #expect(load(arm, .cloudHypervisorAArch64).loadedPrediction?.entry.address == 0x4048_0000)
    let riscv = ImageFile(isRISCV: true, textOffset: 0x1234, imageSize: 0)
    #expect(load(riscv, .cloudHypervisorRISCV).loadedPrediction?.entry.address == 0x4020_1234)
  }

  /// 0x1801 bytes are two pages: 0x9fe00000 - 0x2000 below Firecracker's tree, 0x60000000 - 0x2000 at the end of memory.
  @Test func initrd() throws {
    let image = ImageFile(textOffset: 0, imageSize: 0x10_0000)
    func start(_ loader: LoaderName) -> UInt64? {
      load(image, loader, module: 0x1801).loadedPrediction?.pieces.first { $0.owner == "initrd" }?.destination.start
        .value
    }
    #expect(start(.firecrackerAArch64) == 0x9fdf_e000)
    #expect(start(.cloudHypervisorAArch64) == 0x5fff_e000)
    let refusal = load(image, .firecrackerAArch64, module: 600 << 20).statedRefusal
    #expect(refusal?.words == "Failed to compute the initrd address")
    #expect(refusal?.evidence.contains("629145600 bytes") == true)
  }

  @Test func refusals() {
    let arm = ImageFile(textOffset: 0, imageSize: 0x1000)
    let riscv = ImageFile(isRISCV: true, textOffset: 0, imageSize: 0x1000)
    #expect(load(riscv, .firecrackerAArch64).statedRefusal?.words == "invalid Image magic number")
    #expect(load(.init(prefix: 63, of: arm), .firecrackerAArch64).statedRefusal?.words == "unable to read Image header")
    #expect(
      load(.init(prefix: 63, of: arm), .cloudHypervisorAArch64).statedRefusal?.words == "unable to read Image header")
    let wrapping = ImageFile(textOffset: .max - 0x1000, imageSize: 1)
    #expect(load(wrapping, .firecrackerAArch64).statedRefusal?.words == "invalid Image")
    // 0x80200000 + 0x1fe00000 is the end of memory, which a byte of 4096 passes.
    let last = ImageFile(textOffset: 0x1fe0_0000 - 4096, imageSize: 1)
    let behind = ImageFile(textOffset: 0x1fe0_0000 - 4095, imageSize: 1)
    #expect(load(last, .firecrackerAArch64).loadedPrediction != nil)
    #expect(load(behind, .firecrackerAArch64).statedRefusal?.words == "unable to read kernel image")
    #expect(load(behind, .firecrackerAArch64).statedRefusal?.evidence.hasPrefix("text_offset 0x1fdff001") == true)
  }

  /// Where the kernel's .bss will meet what the monitor put there: 0x80200000 + 0x1fc00001 passes 0x9fe00000.
  @Test func imageSizeIsNotReserved() {
    func hasOverlap(_ size: UInt64) -> Bool? {
      load(.init(textOffset: 0, imageSize: size), .firecrackerAArch64).loadedPrediction?.hasRemark(.overlap)
    }
    #expect(hasOverlap(0x1fc0_0000) == false)
    #expect(hasOverlap(0x1fc0_0001) == true)
  }

  /// The text of VmBoot(UefiLoad(UefiTooBig)), which users see who pass a compressed kernel.
  @Test func otherFilesAreFirmware() throws {
    for loader in [LoaderName.cloudHypervisorAArch64, .cloudHypervisorRISCV] {
      let small = ImageFile(magic: 0, count: 0x30_0000), big = ImageFile(magic: 0, count: 0x30_0001)
      let prediction = try #require(load(small, loader).loadedPrediction)
      #expect(prediction.extentsByStart == [[0, 0x30_0000]])
      #expect(prediction.hasRemark(.entryElsewhere))
      #expect(load(big, loader).statedRefusal?.words == "UefiTooBig")
    }
  }
}
