public import Addresses

/// The ELF header (System V gABI, ch. 4, "ELF Header"). Counts are as the header holds them: the extensions that move
/// them into section 0 are resolved by ``ELFFile``.
public struct FileHeader: Hashable, Sendable {
  /// EI_CLASS.
  public let `class`: ELFClass
  /// EI_DATA.
  public let byteOrder: ByteOrder
  /// EI_VERSION; always 1.
  public let identVersion: UInt8
  /// EI_OSABI.
  public let osABI: OSABI
  /// EI_ABIVERSION.
  public let abiVersion: UInt8
  /// e_type.
  public let type: ObjectType
  /// e_machine.
  public let machine: Machine
  /// e_version; always 1.
  public let version: UInt32
  /// e_entry.
  public let entry: LinkAddress
  /// e_phoff; 0 when there is no program header table.
  public let programHeaderOffset: UInt64
  /// e_shoff; 0 when there is no section header table.
  public let sectionHeaderOffset: UInt64
  /// e_flags; their meaning depends on the machine.
  public let flags: UInt32
  /// e_ehsize, in bytes.
  public let headerSize: UInt16
  /// e_phentsize, in bytes.
  public let programHeaderEntrySize: UInt16
  /// e_phnum; 0xffff (PN_XNUM) says that the count is in section 0's sh_info.
  public let programHeaderCount: UInt16
  /// e_shentsize, in bytes.
  public let sectionHeaderEntrySize: UInt16
  /// e_shnum; 0 with a section header table says that the count is in section 0's sh_size.
  public let sectionHeaderCount: UInt16
  /// e_shstrndx; 0xffff (SHN_XINDEX) says that the index is in section 0's sh_link.
  public let sectionNameTableIndex: UInt16
}
