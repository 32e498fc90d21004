import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

/// What a loader that follows the kernel's own documentation does with an `Image` of Linux. There is no such program:
/// the words of a refusal are Perch's. Where the rules leave a choice, everything goes to the lowest place allowed.
///
///     base, 2 MiB      base + text_offset                 2 MiB             4 KiB
///     | free           | image_size, .bss included | …    | device tree |   | initrd
public enum ImageBootRules {
  static let arm64Source = "Linux, Documentation/arch/arm64/booting.rst"
  static let riscvSource = "Linux, Documentation/arch/riscv/boot-image-header.rst"

  /// The arm64 rules.
  ///
  /// - Parameter pageSizes: the page sizes of the processor, in bytes (ID_AA64MMFR0_EL1.TGran4, TGran16, TGran64).
  public static func arm64(
    _ image: RawSpan, _ request: LoaderRequest, pageSizes: [UInt64] = [4096, 16_384, 65_536]
  ) -> LoaderOutcome {
    do throws(Refusal) {
      let header = try ImageHeader(image, magic: 0x644d_5241, source: arm64Source)
      try check(header, pageSizes)
      var places = ImagePlaces(request, source: arm64Source)
      let isOld = header.imageSize == 0
      let offset = isOld ? 0x8_0000 : header.textOffset
      let size = max(header.imageSize, UInt64(image.byteCount))
      try places.placeKernel(offset: offset, size: size, below: 1 << 48, header)
      // An old kernel takes what follows it for its own.
      try places.placeTree(fromTop: isOld)
      try places.placeModule()
      var prediction = places.prediction(.arm64Image, image, entry: arm64Entry(places))
      prediction.decisions += arm64Decisions(header, offset)
      return .loads(prediction)
    } catch {
      return .refuses(error)
    }
  }

  /// The rules for a 64-bit RISC-V kernel in supervisor mode.
  public static func riscv64(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    do throws(Refusal) {
      let header = try ImageHeader(image, magic: 0x0543_5352, source: riscvSource)
      try checkEndianness(header, riscvSource)
      guard header.imageSize != 0 else {
        throw Refusal(
          "image_size missing", evidence: "image_size 0",
          rule: Rule("image_size is mandatory", source: riscvSource))
      }
      guard header.textOffset & ((2 << 20) - 1) == 0 else {
        throw Refusal(
          "misaligned", evidence: "text_offset \(hex(header.textOffset))",
          rule: Rule("the image lies at a multiple of 2 MiB", source: "Linux, Documentation/arch/riscv/boot.rst"))
      }
      var places = ImagePlaces(request, source: riscvSource)
      let size = max(header.imageSize, UInt64(image.byteCount))
      try places.placeKernel(offset: header.textOffset, size: size, below: 1 << 56, nil)
      try places.placeTree(fromTop: false)
      try places.placeModule()
      let entry = EntryState(
        mode: .riscvSupervisor, address: places.kernel,
        registers: [
          .init(unspecified: "a0", "hart, the one that the machine boots"), .init("a1", places.tree, "device tree"),
          .init("satp", 0, "no paging"),
        ])
      return .loads(places.prediction(.riscvImage, image, entry: entry))
    } catch {
      return .refuses(error)
    }
  }

  private static func check(_ header: ImageHeader, _ pageSizes: [UInt64]) throws(Refusal) {
    try checkEndianness(header, arm64Source)
    if let size = header.pageSize, !pageSizes.contains(size) {
      throw Refusal(
        "page size not supported", evidence: "flags \(hex(header.flags)), pages of \(size) bytes",
        rule: Rule("bits 1 and 2 name a page size of the processor", source: arm64Source))
    }
    guard header.imageSize == 0 || header.textOffset & 3 == 0 else {
      throw Refusal(
        "misaligned", evidence: "text_offset \(hex(header.textOffset))",
        rule: Rule("the first instruction is aligned to 4 bytes", source: "Arm ARM, DDI 0487, D1, PC alignment"))
    }
  }

  private static func checkEndianness(_ header: ImageHeader, _ source: String) throws(Refusal) {
    guard header.isBigEndian else { return }
    throw Refusal(
      "big-endian kernel", evidence: "flags \(hex(header.flags))",
      rule: Rule("bit 0 is clear: the loader enters little-endian kernels", source: source))
  }

  private static func arm64Entry(_ places: ImagePlaces) -> EntryState {
    EntryState(
      mode: .aarch64EL2, address: places.kernel,
      registers: [
        .init("x0", places.tree, "device tree"), .init("x1", 0, "reserved"), .init("x2", 0, "reserved"),
        .init("x3", 0, "reserved"), .init("daif", 0x3c0, "all masked"),
      ])
  }

  private static func arm64Decisions(_ header: ImageHeader, _ offset: UInt64) -> [Decision] {
    [
      Decision(
        "exception level", choice: "EL2", because: "recommended: \(arm64Source)",
        rejected: [.init("EL1", "allowed where the machine has no EL2")]),
      Decision(
        "text_offset", choice: hex(offset),
        because: header.imageSize == 0 ? "image_size 0: a kernel before 3.17" : "the header's"),
    ]
  }
}
