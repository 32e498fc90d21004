public import Addresses

/// A Linux x86 kernel image of boot protocol 2.00 and later (Linux, Documentation/arch/x86/boot.rst).
///
///     0          0x1f1                     (setup_sects + 1) * 512          + syssize * 16
///     ├ boot sector ┤ setup header ┤ setup code ┼ decompressor ┤ payload ┤ … ┼ signature, if any
///     └──────────── real mode ──────────────────┴───── protected mode ───────┘
public struct BzImage: Sendable {
  public let setup: SetupHeader
  /// The 32- and 64-bit code with the payload inside it.
  public let protectedModeRange: FileRange
  /// The compressed kernel, its appended size included; nil before 2.08, and when the image declares none.
  public let payloadRange: FileRange?
  /// How the payload is compressed; nil when there is none or its first bytes are no known magic.
  public let payloadCodec: PayloadCodec?
  /// What the payload unpacks to, in bytes: its last four bytes (Linux, scripts/Makefile.lib, `size_append`; gzip ends
  /// so by itself). For a payload that is not compressed, its own length.
  public let declaredPayloadSize: ByteCount?
  /// Protocol 2.15 and later; nil when `kernel_info_offset` is 0.
  public let kernelInfo: KernelInfo?

  /// Boot sector and setup code.
  public var realModeRange: FileRange {
    FileRange(uncheckedStart: FileOffset(unchecked: 0), count: ByteCount(protectedModeRange.start.value))
  }

  /// Whether the protected-mode code goes to 1 MiB. An image without this is a zImage, for 0x10000.
  public var isLoadedHigh: Bool { setup.loadFlags.contains(.loadedHigh) }
}
