public import Addresses

/// One entry of the dynamic table (System V gABI, ch. 5, "Dynamic Section").
public struct DynamicEntry: Hashable, Sendable {
  /// Where the entry lies in the file.
  public let offset: FileOffset
  /// d_tag.
  public let tag: DynamicTag
  /// d_val or d_ptr: the tag says which.
  public let value: UInt64
}

/// What a dynamic entry says, d_tag. Unknown numbers survive.
public struct DynamicTag: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static var null: DynamicTag { DynamicTag(rawValue: 0) }
  public static var needed: DynamicTag { DynamicTag(rawValue: 1) }
  public static var procedureLinkageSize: DynamicTag { DynamicTag(rawValue: 2) }
  public static var rela: DynamicTag { DynamicTag(rawValue: 7) }
  public static var relaSize: DynamicTag { DynamicTag(rawValue: 8) }
  public static var relaEntrySize: DynamicTag { DynamicTag(rawValue: 9) }
  public static var rel: DynamicTag { DynamicTag(rawValue: 17) }
  public static var relSize: DynamicTag { DynamicTag(rawValue: 18) }
  public static var procedureLinkageKind: DynamicTag { DynamicTag(rawValue: 20) }
  public static var procedureLinkageRelocations: DynamicTag { DynamicTag(rawValue: 23) }
  public static var relrSize: DynamicTag { DynamicTag(rawValue: 35) }
  public static var relr: DynamicTag { DynamicTag(rawValue: 36) }
  public static var relrEntrySize: DynamicTag { DynamicTag(rawValue: 37) }

  /// The specification's name without "DT_": "RELASZ".
  public var name: String {
    if rawValue < UInt64(Self.lowNames.count) { return Self.lowNames[Int(rawValue)] }
    return switch rawValue {
    case 0x6fff_fef5: "GNU_HASH"
    case 0x6fff_fff0: "VERSYM"
    case 0x6fff_fff9: "RELACOUNT"
    case 0x6fff_fffa: "RELCOUNT"
    case 0x6fff_fffb: "FLAGS_1"
    case 0x6fff_fffc: "VERDEF"
    case 0x6fff_fffd: "VERDEFNUM"
    case 0x6fff_fffe: "VERNEED"
    case 0x6fff_ffff: "VERNEEDNUM"
    default: hexadecimal(rawValue)
    }
  }

  /// The tags that the gABI numbers from 0; 31 and 33 have their names from it too.
  private static var lowNames: [String] {
    [
      "NULL", "NEEDED", "PLTRELSZ", "PLTGOT", "HASH", "STRTAB", "SYMTAB", "RELA", "RELASZ", "RELAENT", "STRSZ",
      "SYMENT", "INIT", "FINI", "SONAME", "RPATH", "SYMBOLIC", "REL", "RELSZ", "RELENT", "PLTREL", "DEBUG",
      "TEXTREL", "JMPREL", "BIND_NOW", "INIT_ARRAY", "FINI_ARRAY", "INIT_ARRAYSZ", "FINI_ARRAYSZ", "RUNPATH",
      "FLAGS", "0x1f", "PREINIT_ARRAY", "PREINIT_ARRAYSZ", "SYMTAB_SHNDX", "RELRSZ", "RELR", "RELRENT",
    ]
  }
}
