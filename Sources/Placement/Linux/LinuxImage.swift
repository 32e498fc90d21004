public import Addresses
public import KernelImage

/// What the loader needs to know of a Linux x86-64 kernel: its ELF, and what came with it.
public struct LinuxImage: Sendable {
  /// `vmlinux`: a file of its own, or the unpacked payload of a bzImage.
  public var elf: ELFFile
  /// The table behind the ELF. Without it the kernel runs only at its linked virtual address.
  public var relocations: RelocationTable?
  /// The setup header of the bzImage that held the ELF.
  public var setup: SetupHeader?
  /// The bytes of that header, from file offset 0x1f1 to its end.
  public var setupBytes: [UInt8]?
  /// The size of the ELF and the table together (the decompressor's `output_len`).
  public var unpackedSize: ByteCount

  public init(
    elf: ELFFile, relocations: RelocationTable?, setup: SetupHeader? = nil, setupBytes: [UInt8]? = nil,
    unpackedSize: ByteCount
  ) {
    self.elf = elf
    self.relocations = relocations
    self.setup = setup
    self.setupBytes = setupBytes
    self.unpackedSize = unpackedSize
  }
}
