public import AddressSpace
public import Addresses

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
  }

  /// A file that is handed to the kernel: the initrd, or a module of a generic ELF kernel.
  public struct Module: Hashable, Sendable {
    public var name: String
    public var size: ByteCount
    public init(name: String, size: ByteCount) {
      self.name = name
      self.size = size
    }
  }

  public var machine: MemoryMap
  /// Usable memory that firmware still writes to before the kernel is entered: nothing is placed there.
  public var firmwareScratch: PhysicalRange?
  public var commandLine: String
  public var modules: [Module]
  /// Nil: the image's own default (or any slot, when there is a seed).
  public var physical: PhysicalPlace?
  /// The virtual slide by hand, in bytes. Nil: none, or drawn when there is a seed.
  public var slide: Int64?
  /// The seed of the generator that draws the physical and the virtual place. Nil: nothing is random.
  public var seed: UInt64?
  /// Where all usable memory is mapped for a generic ELF kernel.
  public var directMapBase: VirtualAddress
  /// The largest page of the direct map: 1 GiB pages need a processor that has them (CPUID 80000001h EDX bit 26).
  public var directMapPage: PageSize

  public init(machine: MemoryMap) {
    self.machine = machine
    firmwareScratch = nil
    commandLine = ""
    modules = []
    physical = nil
    slide = nil
    seed = nil
    directMapBase = VirtualAddress(0xffff_8880_0000_0000)
    directMapPage = .size2MiB
  }
}
