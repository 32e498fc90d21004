public import AddressSpace
public import Addresses

/// What a PVH loader tells the program that it started: EBX holds the structure's physical address (Xen
/// `public/arch-x86/hvm/start_info.h`).
///
///     0     ┌──────────────────────────────────────────┐
///           │ u32 magic, version, flags, nr_modules    │
///     16    │ u64 modlist_paddr, cmdline_paddr,        │
///           │     rsdp_paddr                           │
///     40    ├──────────────────────────────────────────┤  version 1
///           │ u64 memmap_paddr                         │
///           │ u32 memmap_entries, reserved             │
///     56    └──────────────────────────────────────────┘
///
/// Nothing is ever loaded at physical address 0: a 0 in an address field says that there is no such thing.
public struct PVHStartInfo: Sendable {
  /// Where the structure lies.
  public let address: PhysicalAddress
  /// 0, or 1 and above: later versions only add fields.
  public internal(set) var version: UInt32 = 0
  /// SIF_…: what the domain may do under Xen.
  public internal(set) var flags: UInt32 = 0
  /// In the list's order.
  public internal(set) var modules: [BootEnvironment.Module] = []
  public internal(set) var commandLine: String?
  public internal(set) var rsdp: PhysicalAddress?
  /// As the firmware orders it; empty in version 0.
  public internal(set) var memoryMap: [MemoryMap.Entry] = []
  /// Where the structure, its tables and its strings lie, in the order in which they are found.
  public internal(set) var extents: [PhysicalRange] = []

  init(address: PhysicalAddress) { self.address = address }
}

extension PVHStartInfo {
  /// XEN_HVM_START_MAGIC_VALUE: "xEn3" with the highest bit of the E set.
  public static var magic: UInt32 { 0x336e_c578 }
  /// The most bytes of a string, its NUL included.
  public static var stringLimit: UInt64 { 4096 }

  /// {u64 paddr, size, cmdline_paddr, reserved}
  static var moduleByteCount: UInt64 { 32 }
  /// {u64 addr, size, u32 type, reserved}
  static var memoryEntryByteCount: UInt64 { 24 }

  /// Offsets of the fields.
  enum Offset {
    static var version: UInt64 { 4 }
    static var flags: UInt64 { 8 }
    static var moduleCount: UInt64 { 12 }
    static var moduleList: UInt64 { 16 }
    static var commandLine: UInt64 { 24 }
    static var rsdp: UInt64 { 32 }
    static var memoryMap: UInt64 { 40 }
    static var memoryEntryCount: UInt64 { 48 }
  }
}
