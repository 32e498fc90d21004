public import AddressSpace
public import Addresses
public import BootProtocols

/// Everything a loader will do with an image on a machine, as plain data.
///
/// A loader, Perch's own or a model of another's, is a function from an image, a machine and modules to a `LoadPlan`, or
/// to a refusal. Printing, drawing, checking, comparing, booting and verifying are functions of this value.
public struct LoadPlan: Sendable {
  /// Whose plan this is.
  public var loader: LoaderName
  /// How the image was read: "Linux x86-64, 64-bit boot protocol", "Multiboot, address fields".
  public var reading: String
  /// The machine's physical memory.
  public var machine: MemoryMap
  /// Which bytes go where, in the loader's order: where two overlap, the later one wins. Those of Perch's own loader are
  /// sorted by destination and do not overlap.
  public var pieces: [Piece] = []
  /// What the loader itself makes and whose bytes are known, for the pieces whose source is `.blob`.
  public var blobs: [Blob] = []
  /// The processor at the image's first instruction.
  public var entry: EntryState {
    get {
      if let described { return described }
      guard let longMode else { preconditionFailure("an entry is described or established") }
      return EntryState(longMode)
    }
    set { described = newValue }
  }
  /// As far as the loader promises it; nil where its own stub establishes the whole of it.
  var described: EntryState?
  /// What will go wrong although the loader goes on.
  public var remarks: [Remark] = []
  /// Every choice: the rule, the facts, the candidates that lost.
  public var decisions: [Decision] = []

  /// The physical range from the image's first byte to its last, where the loader keeps it in one piece; else empty.
  public var imageExtent = PhysicalRange(uncheckedStart: PhysicalAddress(0), count: .zero)
  /// What is patched within ``imageExtent`` after the image's bytes are in place.
  public var relocations = Relocations.none
  /// What is mapped when the kernel is entered, where that is the loader's to say; else empty.
  public var addressSpace = AddressSpace(mode: .x86_64FourLevel)
  public var pageTables = PageTableCost(framesByLevel: [])
  /// The whole of the processor's state, where the loader's own stub establishes it in 64-bit mode.
  public var longMode: LongModeState?
  /// How far the kernel's virtual addresses moved from what the linker said.
  public var slide = Slide.none
  /// How much was drawn; nil where nothing was.
  public var randomization: Randomization?
}

extension LoadPlan {
  /// A plan without pieces.
  public init(loader: LoaderName, reading: String, machine: MemoryMap, entry: EntryState) {
    self.init(loader: loader, reading: reading, machine: machine, described: entry)
  }

  /// A plan without pieces whose entry is established by the loader's own stub.
  public init(loader: LoaderName, reading: String, machine: MemoryMap, entering state: LongModeState) {
    self.init(loader: loader, reading: reading, machine: machine, longMode: state)
  }
}

/// Bytes that are written to one place, and the zeros after them.
public struct Piece: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// Bytes of the image (for a bzImage: of the unpacked payload).
    case image(FileRange)
    /// The whole of a module (the initrd), by index into the request's modules.
    case module(Int)
    /// The whole of a blob, by index into `LoadPlan.blobs`.
    case blob(Int)
    /// No bytes: zeros only.
    case zero
  }

  public var source: Source
  /// Where the source's bytes go.
  public var destination: PhysicalRange
  /// How many zeros follow them.
  public var zeroFill: ByteCount
  /// "segment 0", "initrd", "zero page", "page tables".
  public var owner: String
  /// Whether the source's bytes lie at the destination already, so that only the zeros are written.
  public var isResident: Bool

  public init(
    source: Source, destination: PhysicalRange, zeroFill: ByteCount = .zero, owner: String, isResident: Bool = false
  ) {
    self.source = source
    self.destination = destination
    self.zeroFill = zeroFill
    self.owner = owner
    self.isResident = isResident
  }

  /// The bytes of the piece, zeros included.
  public var extent: PhysicalRange {
    PhysicalRange(
      uncheckedStart: destination.start, count: ByteCount(destination.count.value + zeroFill.value))
  }
}

/// Bytes that a loader made: page tables, boot information, the entry stub.
public struct Blob: Sendable {
  public var name: String
  public var bytes: [UInt8]
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// The patches that make an image run where it was not linked.
public enum Relocations: Sendable {
  /// The image runs as it is.
  case none
  /// Linux's table behind `vmlinux`: three lists of link addresses (`arch/x86/boot/compressed/misc.c`, handle_relocations).
  case linuxTable(LinuxRelocations)
  /// The RELA and RELR tables of a position-independent executable (System V gABI, ch. 4).
  case dynamic(DynamicRelocations)
}

public struct LinuxRelocations: Hashable, Sendable {
  /// Lists of little-endian 32-bit words in the image's bytes; each is the low half of a link address.
  public var entries32: FileRange
  public var entriesInverse32: FileRange
  public var entries64: FileRange
  /// What is added to 32- and 64-bit places, and taken from inverse ones.
  public var delta: Int64
  /// The link address that the first byte of `LoadPlan.imageExtent` was linked at.
  public var linkBase: LinkAddress

  public init(
    entries32: FileRange, entriesInverse32: FileRange, entries64: FileRange, delta: Int64, linkBase: LinkAddress
  ) {
    self.entries32 = entries32
    self.entriesInverse32 = entriesInverse32
    self.entries64 = entries64
    self.delta = delta
    self.linkBase = linkBase
  }
}

public struct DynamicRelocations: Hashable, Sendable {
  /// Tables of 24-byte Elf64_Rela entries.
  public var rela: [FileRange]
  /// Tables of 8-byte Elf64_Relr words.
  public var relr: [FileRange]
  /// What is added to each relative relocation: run-time address minus link address.
  public var slide: Slide
  /// The link address that the first byte of `LoadPlan.imageExtent` was linked at.
  public var linkBase: LinkAddress

  public init(rela: [FileRange], relr: [FileRange], slide: Slide, linkBase: LinkAddress) {
    self.rela = rela
    self.relr = relr
    self.slide = slide
    self.linkBase = linkBase
  }
}

/// How many page-table frames the plan takes, root first.
public struct PageTableCost: Hashable, Sendable {
  /// Frames by level: [PML4, PDPT, PD, PT].
  public var framesByLevel: [Int]
  public var frames: Int { framesByLevel.reduce(0, +) }
  public init(framesByLevel: [Int]) { self.framesByLevel = framesByLevel }
}

/// A choice that the loader made.
public struct Decision: Hashable, Sendable {
  public struct Rejected: Hashable, Sendable {
    public var candidate: String
    public var reason: String
    @inline(never) public init(_ candidate: Sentence, _ reason: Sentence) {
      self.candidate = candidate.text
      self.reason = reason.text
    }
  }

  /// What was decided: "physical place".
  public var subject: String { words.subject }
  /// The outcome.
  public var choice: String { words.choice }
  /// The rule and the facts that led to it.
  public var because: String { words.because }
  public var rejected: [Rejected] { words.rejected }

  /// One reference: a boot loader makes dozens of decisions, and moves each of them about.
  private let words: Words

  @inline(never) public init(_ subject: Sentence, choice: Sentence, because: Sentence, rejected: [Rejected] = []) {
    words = Words(subject: subject.text, choice: choice.text, because: because.text, rejected: rejected)
  }

  public static func == (left: Decision, right: Decision) -> Bool {
    left.subject == right.subject && left.choice == right.choice && left.because == right.because
      && left.rejected == right.rejected
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(subject)
    hasher.combine(choice)
    hasher.combine(because)
    hasher.combine(rejected)
  }

  private final class Words: Sendable {
    let subject: String
    let choice: String
    let because: String
    let rejected: [Rejected]

    init(subject: String, choice: String, because: String, rejected: [Rejected]) {
      self.subject = subject
      self.choice = choice
      self.because = because
      self.rejected = rejected
    }
  }
}

/// How much an attacker has to guess.
public struct Randomization: Hashable, Sendable {
  public var seed: UInt64
  public var physicalSlots: UInt64
  public var virtualSlots: UInt64
  public init(seed: UInt64, physicalSlots: UInt64, virtualSlots: UInt64) {
    self.seed = seed
    self.physicalSlots = physicalSlots
    self.virtualSlots = virtualSlots
  }
}
