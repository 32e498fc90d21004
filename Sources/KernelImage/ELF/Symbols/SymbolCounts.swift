public import Addresses

/// What a symbol table holds, counted (System V gABI, ch. 4, "Symbol Table").
public struct SymbolCounts: Hashable, Sendable {
  /// The section's index in the section header table.
  public let section: Int
  public let fileRange: FileRange
  /// Whether it is the table for run time, SHT_DYNSYM.
  public let isDynamic: Bool
  /// All entries, the empty entry 0 included.
  public internal(set) var total: UInt64 = 0
  /// STT_FUNC that are defined here.
  public internal(set) var definedFunctions: UInt64 = 0
  /// STT_OBJECT that are defined here.
  public internal(set) var definedObjects: UInt64 = 0
  /// SHN_UNDEF, entry 0 not counted.
  public internal(set) var undefined: UInt64 = 0
  /// STB_GLOBAL that are defined here.
  public internal(set) var definedGlobals: UInt64 = 0
  /// STB_WEAK that are defined here.
  public internal(set) var definedWeaks: UInt64 = 0

  init(section: Int, fileRange: FileRange, isDynamic: Bool) {
    self.section = section
    self.fileRange = fileRange
    self.isDynamic = isDynamic
  }
}
