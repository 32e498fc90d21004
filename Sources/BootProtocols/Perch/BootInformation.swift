public import AddressSpace
public import Addresses

/// What Perch tells a generic ELF kernel: RDI holds this structure's virtual address when the kernel is entered.
/// `Documentation/boot-information.h` is the same layout for C.
///
///     0     ┌──────────────────────────────────────────┐
///           │ header (128): magic, version, size,      │
///           │ where the tables are, machine facts      │
///     128   ├──────────────────────────────────────────┤
///           │ memory map     24 bytes an entry         │
///           ├──────────────────────────────────────────┤
///           │ mappings       32 bytes an entry         │
///           ├──────────────────────────────────────────┤
///           │ modules        24 bytes an entry         │
///           ├──────────────────────────────────────────┤
///           │ command line, names: UTF-8, NUL at the end│
///     size  └──────────────────────────────────────────┘
///
/// Integers are little-endian, offsets count from the structure's start, and tables are 8-byte aligned. A reader finds
/// the tables by their offsets, never by adding up sizes: later versions may add fields between them.
public struct BootInformation: Hashable, Sendable {
  /// Rights in the form that the structure holds them: bit 0 read, bit 1 write, bit 2 execute.
  public struct AccessBits: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static var read: AccessBits { AccessBits(rawValue: 1) }
    public static var write: AccessBits { AccessBits(rawValue: 2) }
    public static var execute: AccessBits { AccessBits(rawValue: 4) }

    public init(_ access: Access) {
      rawValue = 1 | (access.isWritable ? 2 : 0) | (access.isExecutable ? 4 : 0)
    }
  }

  /// A stretch of virtual memory that is mapped when the kernel is entered.
  public struct Mapping: Hashable, Sendable {
    public var virtual: VirtualRange
    public var physical: PhysicalAddress
    public var access: AccessBits
    /// Who asked for it: "segment 1", "stack".
    public var name: String

    public init(virtual: VirtualRange, physical: PhysicalAddress, access: AccessBits, name: String) {
      self.virtual = virtual
      self.physical = physical
      self.access = access
      self.name = name
    }

    public init(_ intent: MappingIntent) {
      self.init(
        virtual: intent.virtual, physical: intent.physical, access: AccessBits(intent.access), name: intent.name)
    }
  }

  /// A file that was loaded beside the kernel.
  public struct Module: Hashable, Sendable {
    public var physical: PhysicalRange
    public var name: String

    public init(physical: PhysicalRange, name: String) {
      self.physical = physical
      self.name = name
    }
  }

  /// All of the machine's physical memory, in ascending order.
  public var memoryMap: [MemoryMap.Entry] = []
  /// In ascending order of virtual address.
  public var mappings: [Mapping] = []
  public var modules: [Module] = []
  /// Ends at its first NUL, if it has one; so do the names.
  public var commandLine: String = ""
  /// Random bits for the kernel; 0 where the plan was not made with a seed.
  public var seed: UInt64 = 0
  /// Where physical address 0 is mapped, and how much of physical memory from there; both 0 without a direct map.
  public var directMapBase = VirtualAddress(0)
  public var directMapSize = ByteCount.zero
  /// The lowest byte of the kernel's image, in both spaces, and its size in memory.
  public var kernelPhysicalBase = PhysicalAddress(0)
  public var kernelVirtualBase = VirtualAddress(0)
  public var kernelSize = ByteCount.zero
  /// How far the kernel runs from where it was linked.
  public var slide = Slide.none
  /// What RSP holds when the kernel is entered; the stack grows down from here.
  public var stackTop = VirtualAddress(0)
  /// The lowest address of the unmapped page below the stack.
  public var stackGuard = VirtualAddress(0)
  /// Where this structure lies in physical memory.
  public var physicalAddress = PhysicalAddress(0)

  public init() {}
}

extension BootInformation {
  /// "PERCHBI1", as a little-endian word.
  public static var magic: UInt64 { 0x3149_4248_4352_4550 }
  public static var version: UInt32 { 1 }
  public static var headerByteCount: Int { 128 }

  static var memoryEntryByteCount: Int { 24 }
  static var mappingByteCount: Int { 32 }
  static var moduleByteCount: Int { 24 }

  /// The room that a structure takes, before anything in it is known but how much there will be.
  ///
  /// - Parameter stringBytes: the sum of ``stringByteCount(_:)`` over the command line and all names.
  public static func size(
    forMemoryEntries memoryEntries: Int, mappings: Int, modules: Int, stringBytes: Int
  ) -> ByteCount {
    let tables = memoryEntries * memoryEntryByteCount + mappings * mappingByteCount + modules * moduleByteCount
    return ByteCount(UInt64(headerByteCount + tables + stringBytes))
  }

  /// What a string takes, its NUL included.
  public static func stringByteCount(_ string: String) -> Int { terminated(string).count }

  /// The size of this very structure.
  public var size: ByteCount {
    Self.size(
      forMemoryEntries: memoryMap.count, mappings: mappings.count, modules: modules.count, stringBytes: stringByteCount)
  }

  /// What the command line and all names take.
  var stringByteCount: Int {
    var count = Self.stringByteCount(commandLine)
    for mapping in mappings { count += Self.stringByteCount(mapping.name) }
    for module in modules { count += Self.stringByteCount(module.name) }
    return count
  }

  /// The bytes of a string up to its first NUL, and one NUL.
  static func terminated(_ string: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in string.bytes {
      guard byte != 0 else { break }
      bytes.append(littleEndian: byte)
    }
    bytes.append(littleEndian: 0 as UInt8)
    return bytes
  }

  /// Offsets of the header's fields.
  enum Offset {
    static var magic: Int { 0 }
    static var version: Int { 8 }
    static var size: Int { 12 }
    static var memoryMap: Int { 16 }
    static var mappings: Int { 24 }
    static var modules: Int { 32 }
    static var commandLine: Int { 40 }
    static var seed: Int { 48 }
    static var directMapBase: Int { 56 }
    static var directMapSize: Int { 64 }
    static var kernelPhysicalBase: Int { 72 }
    static var kernelVirtualBase: Int { 80 }
    static var kernelSize: Int { 88 }
    static var slide: Int { 96 }
    static var stackTop: Int { 104 }
    static var stackGuard: Int { 112 }
    static var physicalAddress: Int { 120 }
  }
}
