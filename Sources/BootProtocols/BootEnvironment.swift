public import AddressSpace
public import Addresses

/// What a boot loader that runs on the machine finds when it is started: the machine and the files, whichever protocol
/// told it. ``Multiboot2Information`` and ``PVHStartInfo`` become one.
public struct BootEnvironment: Sendable {
  /// A file that was put into memory beside the loader.
  public struct Module: Hashable, Sendable {
    /// Its bytes. An empty file has no place that means anything.
    public var physical: PhysicalRange
    /// What the protocol says beside it: a command line, a name, nothing.
    public var string: String

    public init(physical: PhysicalRange, string: String) {
      self.physical = physical
      self.string = string
    }
  }

  /// "Multiboot 2" or "PVH".
  public var protocolName: String
  /// Who started the loader, in its own words; empty where it does not say.
  public var bootLoaderName: String
  /// Empty where there is none. Control characters survive: whoever prints it escapes them.
  public var commandLine: String
  public var memoryMap: MemoryMap
  /// In the protocol's order: the first is the kernel.
  public var modules: [Module]
  /// Where the boot information itself lies: structures, tables and strings, which nothing may overwrite while they are
  /// read. Modules are not in it.
  public var informationRanges: [PhysicalRange]
  /// ACPI's root pointer. Multiboot 2 hands over a copy, which lies in ``informationRanges``.
  public var rsdp: PhysicalAddress?
}

extension BootEnvironment {
  /// The most modules that a well-formed environment has.
  public static var moduleLimit: UInt64 { 64 }
  /// The most memory map entries that a well-formed environment has; e820 has 128 where a BIOS made it.
  public static var memoryEntryLimit: UInt64 { 1024 }
}
