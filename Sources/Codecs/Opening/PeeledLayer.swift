public import Addresses
public import KernelImage

/// A wrapper that was taken off an image.
public struct PeeledLayer: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// The file is one compressed stream: `Image.gz`, `vmlinux.xz`.
    case stream
    /// An EFI application that unpacks the kernel it holds (Linux, drivers/firmware/efi/libstub/zboot-header.S).
    case efiZboot
  }

  public let kind: Kind
  public let codec: PayloadCodec
  /// The compressed bytes, in the bytes of the layer around them.
  public let packedRange: FileRange
  /// What they unpacked to.
  public let unpackedSize: ByteCount

  public init(kind: Kind, codec: PayloadCodec, packedRange: FileRange, unpackedSize: ByteCount) {
    self.kind = kind
    self.codec = codec
    self.packedRange = packedRange
    self.unpackedSize = unpackedSize
  }
}
