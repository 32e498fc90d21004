public import AddressSpace
public import Addresses
public import BootProtocols

/// Everything a loader will do with an image on a machine, as plain data.
///
/// A loader is a function from an image and a machine to a `LoadPlan`, or to a refusal. Printing, drawing, checking,
/// booting and verifying are functions of this value.
public struct LoadPlan: Sendable {
  /// Whose plan this is: "perch".
  public var loader: String
  /// How the image was read: "Linux x86-64, 64-bit boot protocol", "ELF64 x86-64".
  public var imageDescription: String
  /// The machine's physical memory.
  public var machine: MemoryMap
  /// Which bytes go where. Sorted by destination; no two overlap.
  public var pieces: [Piece]
  /// What Perch itself made, for the pieces whose source is `.blob`.
  public var blobs: [Blob]
  /// The physical range from the image's first byte to its last. Relocations are applied within it.
  public var imageExtent: PhysicalRange
  /// What is patched after the image's bytes are in place.
  public var relocations: Relocations
  /// What is mapped when the kernel is entered.
  public var addressSpace: AddressSpace
  public var pageTables: PageTableCost
  public var entry: EntryState
  /// How far the kernel's virtual addresses moved from what the linker said.
  public var slide: Slide
  /// Every choice: the rule, the facts, the candidates that lost.
  public var decisions: [Decision]
  /// How much was drawn; nil where nothing was.
  public var randomization: Randomization?

  public init(
    loader: String, imageDescription: String, machine: MemoryMap, pieces: [Piece], blobs: [Blob],
    imageExtent: PhysicalRange, relocations: Relocations, addressSpace: AddressSpace, pageTables: PageTableCost,
    entry: EntryState, slide: Slide, decisions: [Decision], randomization: Randomization?
  ) {
    self.loader = loader
    self.imageDescription = imageDescription
    self.machine = machine
    self.pieces = pieces
    self.blobs = blobs
    self.imageExtent = imageExtent
    self.relocations = relocations
    self.addressSpace = addressSpace
    self.pageTables = pageTables
    self.entry = entry
    self.slide = slide
    self.decisions = decisions
    self.randomization = randomization
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

  public init(source: Source, destination: PhysicalRange, zeroFill: ByteCount = .zero, owner: String) {
    self.source = source
    self.destination = destination
    self.zeroFill = zeroFill
    self.owner = owner
  }

  /// The bytes written, zeros included.
  public var extent: PhysicalRange {
    PhysicalRange(
      uncheckedStart: destination.start, count: ByteCount(destination.count.value + zeroFill.value))
  }
}

/// Bytes that Perch made: page tables, boot information, the entry stub.
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
    public init(_ candidate: String, _ reason: String) {
      self.candidate = candidate
      self.reason = reason
    }
  }

  /// What was decided: "physical place".
  public var subject: String
  /// The outcome.
  public var choice: String
  /// The rule and the facts that led to it.
  public var because: String
  public var rejected: [Rejected]

  public init(_ subject: String, choice: String, because: String, rejected: [Rejected] = []) {
    self.subject = subject
    self.choice = choice
    self.because = because
    self.rejected = rejected
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
