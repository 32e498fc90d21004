/// What a file may be, by its content.
public enum ImageKind: Hashable, Sendable {
  case elf
  /// A Linux x86 image for 1 MiB.
  case bzImage
  /// A Linux x86 image for 0x10000, with or without a setup header.
  case zImage
  /// Linux's self-unpacking EFI program.
  case efiZboot
  case arm64Image
  case riscvImage
  /// A 32-bit ARM `zImage`.
  case armZImage
  /// A PE file with a `.linux` section.
  case unifiedKernelImage
  case pe
  /// A compressed file; what is inside shows only when it is unpacked.
  case compressed(PayloadCodec)
  case multiboot1
  case multiboot2
  /// U-Boot's legacy image.
  case uImage
  /// A flattened device tree: a device tree blob, or U-Boot's FIT image.
  case deviceTree
  case aOut

  /// The name people use: "Linux x86 bzImage".
  public var name: String {
    switch self {
    case .elf: "ELF"
    case .bzImage: "Linux x86 bzImage"
    case .zImage: "Linux x86 zImage"
    case .efiZboot: "Linux EFI zboot image"
    case .arm64Image: "Linux arm64 Image"
    case .riscvImage: "Linux RISC-V Image"
    case .armZImage: "Linux ARM zImage"
    case .unifiedKernelImage: "unified kernel image"
    case .pe: "PE executable"
    case .compressed(let codec): codec.name + " compressed file"
    case .multiboot1: "Multiboot image"
    case .multiboot2: "Multiboot2 image"
    case .uImage: "U-Boot legacy image"
    case .deviceTree: "flattened device tree"
    case .aOut: "a.out executable"
    }
  }
}

/// What a file may be, and what speaks for it.
public struct Candidate: Hashable, Sendable {
  public let kind: ImageKind
  /// The bytes that were seen, and where.
  public let reason: String
}
