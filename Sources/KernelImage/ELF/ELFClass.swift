/// How wide the addresses of an ELF file are (System V gABI, ch. 4, EI_CLASS).
public enum ELFClass: UInt8, Hashable, Sendable {
  case bits32 = 1
  case bits64 = 2

  /// The bytes of the ELF header, e_ehsize.
  public var fileHeaderSize: UInt16 { self == .bits64 ? 64 : 52 }
  /// The bytes of one program header, e_phentsize.
  public var programHeaderSize: UInt16 { self == .bits64 ? 56 : 32 }
  /// The bytes of one section header, e_shentsize.
  public var sectionHeaderSize: UInt16 { self == .bits64 ? 64 : 40 }
  /// The bytes of one address or offset.
  public var addressSize: UInt64 { self == .bits64 ? 8 : 4 }
  /// The largest address.
  public var greatestAddress: UInt64 { self == .bits64 ? .max : 0xffff_ffff }
}
