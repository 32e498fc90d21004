public import Addresses

/// A section of relocations, counted (System V gABI, ch. 4, "Relocation").
public struct RelocationSection: Sendable {
  public enum Kind: Hashable, Sendable {
    /// SHT_REL.
    case rel
    /// SHT_RELA.
    case rela
    /// SHT_RELR: relative relocations only, packed as addresses and bitmaps.
    case relr
  }

  public struct TypeCount: Hashable, Sendable {
    public let type: RelocationType
    public let count: UInt64
  }

  /// The section's index in the section header table.
  public let section: Int
  public let kind: Kind
  public let fileRange: FileRange
  /// Entries of the table: for `.relr` its words.
  public let entryCount: UInt64
  /// How many places are patched: the same as `entryCount` but for `.relr`.
  public let placeCount: UInt64
  /// Places by type, lowest type first; types from 2048 on are in `otherCount`. For `.relr` empty: all are relative.
  public let types: [TypeCount]
  public let otherCount: UInt64
}
