public import Addresses

/// One section (System V gABI, ch. 4, "Sections"). Its name is looked up on demand: `ELFFile.name(of:in:)`.
public struct SectionHeader: Hashable, Sendable {
  /// The position in the section header table, from 0.
  public let index: Int
  /// Where the header itself lies in the file.
  public let headerOffset: FileOffset
  /// sh_name: where the name starts in the section name table.
  public let nameOffset: UInt32
  /// sh_type.
  public let type: SectionType
  /// sh_flags.
  public let flags: SectionFlags
  /// sh_addr; 0 for a section that takes no memory.
  public let address: LinkAddress
  /// sh_offset, raw: it means nothing for SHT_NULL and little for SHT_NOBITS.
  public let fileOffset: UInt64
  /// sh_size; bytes in the file, or only in memory for SHT_NOBITS.
  public let size: ByteCount
  /// sh_link.
  public let link: UInt32
  /// sh_info.
  public let info: UInt32
  /// sh_addralign: 0 and 1 ask for nothing.
  public let alignment: UInt64
  /// sh_entsize, in bytes; 0 when the section is no table.
  public let entrySize: UInt64
  /// The section's bytes, inside the file; empty for SHT_NULL and SHT_NOBITS.
  public let fileRange: FileRange
}
