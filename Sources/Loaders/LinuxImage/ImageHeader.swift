import KernelImage
import Placement

/// The header of an arm64 or riscv64 `Image`, 64 bytes (Linux, Documentation/arch/arm64/booting.rst and
/// Documentation/arch/riscv/boot-image-header.rst).
///
///     0      8            16          24     32 …      56     60
///     code   text_offset  image_size  flags  …         magic  …
struct ImageHeader {
  /// From a base that is a multiple of 2 MiB to the image, in bytes.
  let textOffset: UInt64
  /// What the kernel takes in memory, .bss included, in bytes; 0 in arm64 kernels before 3.17.
  let imageSize: UInt64
  let flags: UInt64

  var isBigEndian: Bool { flags & 1 != 0 }
  /// arm64: the kernel's page size in bytes; nil where the kernel does not say.
  var pageSize: UInt64? {
    let code = flags >> 1 & 3
    return code == 0 ? nil : 1024 << (2 * code)
  }
  /// arm64: whether the kernel reaches memory below its base.
  var isForAnyPlace: Bool { flags & 8 != 0 }

  init(_ image: RawSpan, magic expected: UInt32, source: String) throws(Refusal) {
    guard image.byteCount >= 64, let offset = image.load(UInt64.self, at: 8),
      let size = image.load(UInt64.self, at: 16), let flags = image.load(UInt64.self, at: 24),
      let magic = image.load(UInt32.self, at: 56)
    else {
      throw Refusal(
        "no room for an Image header", evidence: "\(image.byteCount) bytes",
        rule: Rule("the file starts with a header of 64 bytes", source: source))
    }
    guard magic == expected else {
      throw Refusal(
        "no Image magic", evidence: "magic 0x\(String(magic, radix: 16)) at 56",
        rule: Rule("0x\(String(expected, radix: 16)) stands at 56", source: source))
    }
    (textOffset, imageSize, self.flags) = (offset, size, flags)
  }
}
