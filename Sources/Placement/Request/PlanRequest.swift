public import AddressSpace
public import Addresses
public import BootProtocols

/// What the person or the monitor asks of a loader. Machine and entropy are arguments, never ambient.
public struct PlanRequest: Sendable {
  /// Where the image goes in physical memory.
  public enum PhysicalPlace: Hashable, Sendable {
    /// Where the image says: its preferred address, its `p_paddr`.
    case asLinked
    /// Wherever there is room; with a seed, at a random place among all slots.
    case any
    /// With its first byte here.
    case at(PhysicalAddress)
    /// Where its file lies in memory already, so that nothing is copied; see ``PlanRequest/imagePlace``.
    case inPlace
  }

  /// A file that is handed to the kernel: the initrd, or a module of a generic ELF kernel.
  public struct Module: Hashable, Sendable {
    public var name: String
    public var size: ByteCount
    /// Where it lies in memory already, and stays. Nil: the loader puts it somewhere.
    public var place: PhysicalAddress?
    public init(name: String, size: ByteCount, place: PhysicalAddress? = nil) {
      self.name = name
      self.size = size
      self.place = place
    }
  }

  /// Usable memory that is taken until the kernel runs: a loader, boot information that it still reads.
  public struct Occupied: Hashable, Sendable {
    public var name: String
    public var range: PhysicalRange
    public init(name: String, range: PhysicalRange) {
      self.name = name
      self.range = range
    }
  }

  public var machine: MemoryMap
  /// Usable memory that firmware still writes to before the kernel is entered: nothing is placed there.
  public var firmwareScratch: PhysicalRange?
  /// Nothing is placed in the pages of these ranges. They are usable memory, and no two of them overlap, nor one of them
  /// a module that stays, nor the image's file.
  public var occupied: [Occupied]
  public var commandLine: String
  public var modules: [Module]
  /// Where the image's file lies in memory already, from its first byte on. Nil: it comes from elsewhere.
  public var imagePlace: PhysicalAddress?
  /// Nil: any slot, when there is a seed; else in place, where the file lies in memory and is the image; else the image's
  /// own default, or, where the file lies in memory, any.
  public var physical: PhysicalPlace?
  /// The virtual slide by hand, in bytes. Nil: none, or drawn when there is a seed.
  public var slide: Int64?
  /// The seed of the generator that draws the physical and the virtual place. Nil: nothing is random.
  public var seed: UInt64?
  /// Where all usable memory is mapped for a generic ELF kernel.
  public var directMapBase: VirtualAddress
  /// The largest page of the direct map: 1 GiB pages need a processor that has them (CPUID 80000001h EDX bit 26).
  public var directMapPage: PageSize
  /// What is turned on before the kernel is entered.
  public var processor: ProcessorFeatures
}

extension PlanRequest {
  /// Where Linux maps all memory (Documentation/arch/x86/x86_64/mm.rst).
  public static var usualDirectMapBase: VirtualAddress { VirtualAddress(0xffff_8880_0000_0000) }

  /// Nothing is asked for.
  public init(machine: MemoryMap) {
    self.init(
      machine: machine, occupied: [], commandLine: "", modules: [], directMapBase: Self.usualDirectMapBase,
      directMapPage: .size2MiB, processor: [])
  }
}
