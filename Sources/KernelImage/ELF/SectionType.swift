/// What a section holds, sh_type (System V gABI, ch. 4). Unknown numbers survive.
public struct SectionType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var null: SectionType { SectionType(rawValue: 0) }
  public static var programBits: SectionType { SectionType(rawValue: 1) }
  public static var symbolTable: SectionType { SectionType(rawValue: 2) }
  public static var stringTable: SectionType { SectionType(rawValue: 3) }
  /// SHT_RELA: relocations with addends.
  public static var relocationsWithAddends: SectionType { SectionType(rawValue: 4) }
  public static var hash: SectionType { SectionType(rawValue: 5) }
  public static var dynamic: SectionType { SectionType(rawValue: 6) }
  public static var note: SectionType { SectionType(rawValue: 7) }
  /// SHT_NOBITS: takes memory, but no bytes of the file.
  public static var noBits: SectionType { SectionType(rawValue: 8) }
  /// SHT_REL: relocations whose addends are in the places.
  public static var relocations: SectionType { SectionType(rawValue: 9) }
  public static var sharedLibrary: SectionType { SectionType(rawValue: 10) }
  public static var dynamicSymbols: SectionType { SectionType(rawValue: 11) }
  public static var initArray: SectionType { SectionType(rawValue: 14) }
  public static var finiArray: SectionType { SectionType(rawValue: 15) }
  public static var preinitArray: SectionType { SectionType(rawValue: 16) }
  public static var group: SectionType { SectionType(rawValue: 17) }
  /// SHT_SYMTAB_SHNDX: section indices of symbols, where 16 bits do not do.
  public static var symbolSectionIndices: SectionType { SectionType(rawValue: 18) }
  /// SHT_RELR: relative relocations, packed.
  public static var packedRelocations: SectionType { SectionType(rawValue: 19) }
  public static var gnuHash: SectionType { SectionType(rawValue: 0x6fff_fff6) }
  public static var gnuVersionDefinitions: SectionType { SectionType(rawValue: 0x6fff_fffd) }
  public static var gnuVersionNeeds: SectionType { SectionType(rawValue: 0x6fff_fffe) }
  public static var gnuVersions: SectionType { SectionType(rawValue: 0x6fff_ffff) }

  /// The specification's name without "SHT_": "PROGBITS".
  public var name: String {
    switch self {
    case .null: "NULL"
    case .programBits: "PROGBITS"
    case .symbolTable: "SYMTAB"
    case .stringTable: "STRTAB"
    case .relocationsWithAddends: "RELA"
    case .hash: "HASH"
    case .dynamic: "DYNAMIC"
    case .note: "NOTE"
    case .noBits: "NOBITS"
    case .relocations: "REL"
    case .sharedLibrary: "SHLIB"
    case .dynamicSymbols: "DYNSYM"
    case .initArray: "INIT_ARRAY"
    case .finiArray: "FINI_ARRAY"
    case .preinitArray: "PREINIT_ARRAY"
    case .group: "GROUP"
    case .symbolSectionIndices: "SYMTAB_SHNDX"
    case .packedRelocations: "RELR"
    case .gnuHash: "GNU_HASH"
    case .gnuVersionDefinitions: "VERDEF"
    case .gnuVersionNeeds: "VERNEED"
    case .gnuVersions: "VERSYM"
    default: hexadecimal(rawValue)
    }
  }

  /// The name on a machine: the numbers from 0x70000000 to 0x7fffffff are the psABI's.
  public func name(on machine: Machine) -> String {
    switch (machine, rawValue) {
    case (.x86_64, 0x7000_0001): "X86_64_UNWIND"
    case (.arm, 0x7000_0001): "ARM_EXIDX"
    case (.arm, 0x7000_0003): "ARM_ATTRIBUTES"
    case (.riscv, 0x7000_0003): "RISCV_ATTRIBUTES"
    default: name
    }
  }
}
