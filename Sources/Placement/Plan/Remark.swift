public import Addresses

/// Something that will go wrong although the loader goes on.
public struct Remark: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    /// The entry lies in no loaded byte.
    case entryOutsideImage
    /// Bytes are put where the machine has no memory.
    case outsideMemory
    /// Memory that the kernel expects to be zero is not cleared.
    case notZeroed
    /// A segment is left out.
    case segmentIgnored
    /// Bytes of one segment overwrite another's.
    case overlap
    /// A module is not handed over.
    case moduleIgnored
    /// It jumps elsewhere than e_entry says.
    case entryElsewhere
    /// The image can be read in two ways that give different places, and no field of it says which is meant.
    case ambiguousReading
    /// Bytes, registers or places that differ from run to run, or that nobody promises.
    case unspecified
  }

  public var kind: Kind
  /// One sentence with the field and its value.
  public var sentence: String
  public var rule: Rule

  public init(_ kind: Kind, _ sentence: Sentence, rule: Rule) {
    self.kind = kind
    self.sentence = sentence.text
    self.rule = rule
  }
}

/// Where a rule comes from.
public struct Rule: Hashable, Sendable {
  /// What the rule says, in a clause.
  public var text: String
  /// The loader's version and source: "GRUB 2.06, grub-core/loader/multiboot_elfxx.c".
  public var source: String

  public init(_ text: String, source: String) {
    self.text = text
    self.source = source
  }
}
