public import Placement

/// What a loader of the field will do with an image on a machine.
public enum LoaderOutcome: Sendable {
  case loads(Prediction)
  /// It says no, in its own words.
  case refuses(Refusal)
  /// It does neither properly: the real one must not be fed with this.
  case misbehaves(Misbehaviour)
}

/// Where a loader puts every byte, and the state in which it jumps. The counterpart of Perch's own `LoadPlan`.
public struct Prediction: Sendable {
  public var loader: LoaderName
  /// How the image was read: "Multiboot, ELF32", "Multiboot, address fields".
  public var reading: String
  /// Which bytes go where, in the loader's order: where two overlap, the later one wins.
  public var pieces: [Piece]
  /// What the loader itself makes and whose bytes the model knows, for the pieces whose source is `.blob`.
  public var blobs: [Blob]
  public var entry: LoaderEntry
  /// What will go wrong although the loader does not say so.
  public var remarks: [Remark]
  /// Each choice with the rule that made it.
  public var decisions: [Decision]

  public init(loader: LoaderName, reading: String, entry: LoaderEntry) {
    self.loader = loader
    self.reading = reading
    self.entry = entry
    pieces = []
    blobs = []
    remarks = []
    decisions = []
  }
}

/// The processor's state at the image's first instruction, as far as the loader promises or was seen to set it.
public struct LoaderEntry: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable {
    /// 16-bit real mode.
    case real
    /// 32-bit protected mode, paging off, flat segments.
    case protected32
    /// 64-bit mode with paging.
    case long64
    /// A Xen paravirtual domain, 64-bit (CPL 3) or 32-bit PAE (CPL 1).
    case xenPV64, xenPV32
    /// AArch64 with the MMU off, at EL1 or EL2.
    case aarch64EL1, aarch64EL2
    /// RISC-V S-mode, satp 0.
    case riscvSupervisor
  }

  public struct Register: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
      case exactly(UInt64)
      /// Different from run to run, or never promised.
      case unspecified
    }

    /// As the manual writes it, in lower case: "eax", "x0", "a1", "cs".
    public var name: String
    public var value: Value
    /// What it means to the kernel: "Multiboot magic", "boot information".
    public var meaning: String

    public init(_ name: String, _ value: UInt64, _ meaning: String) {
      self.name = name
      self.value = .exactly(value)
      self.meaning = meaning
    }

    public init(unspecified name: String, _ meaning: String) {
      self.name = name
      value = .unspecified
      self.meaning = meaning
    }
  }

  public var mode: Mode
  /// Where it jumps: physical with paging off, virtual otherwise.
  public var address: UInt64
  public var registers: [Register]

  public init(mode: Mode, address: UInt64, registers: [Register] = []) {
    self.mode = mode
    self.address = address
    self.registers = registers
  }
}

/// A loader's no.
public struct Refusal: Error, Hashable, Sendable {
  /// The words that the loader prints, without decoration: "segment crosses 4 GiB border".
  public var words: String
  /// The field of the image that it is about, with its value: "program header 1, p_paddr 0x100000000".
  public var evidence: String
  public var rule: Rule

  public init(_ words: String, evidence: String, rule: Rule) {
    self.words = words
    self.evidence = evidence
    self.rule = rule
  }
}

/// What a loader does instead of loading or refusing: "corrupts its heap", "hangs".
public struct Misbehaviour: Hashable, Sendable {
  public var effect: String
  public var evidence: String
  public var rule: Rule

  public init(_ effect: String, evidence: String, rule: Rule) {
    self.effect = effect
    self.evidence = evidence
    self.rule = rule
  }
}

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
    /// Bytes, registers or places that differ from run to run, or that nobody promises.
    case unspecified
  }

  public var kind: Kind
  /// One sentence with the field and its value.
  public var sentence: String
  public var rule: Rule

  public init(_ kind: Kind, _ sentence: String, rule: Rule) {
    self.kind = kind
    self.sentence = sentence
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
