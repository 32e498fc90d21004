public import AddressSpace
public import Addresses
import KernelImage

/// What a Multiboot 2 loader tells the program that it started: EAX holds ``magic``, EBX the structure's physical
/// address (Multiboot 2 specification 2.0, 3.6 "Boot information format").
///
///     0     ┌──────────────────────────────────────────┐
///           │ u32 total_size, u32 reserved             │
///     8     ├──────────────────────────────────────────┤
///           │ u32 type, u32 size (8 + what follows)    │
///           │ what the type says                       │
///           ├──────────────────────────────────────────┤  each tag starts at a multiple of 8
///           │ …                                        │
///           ├──────────────────────────────────────────┤
///           │ type 0, size 8: the end                  │
///           └──────────────────────────────────────────┘
public struct Multiboot2Information: Sendable {
  /// mem_lower and mem_upper: memory from 0, and from 1 MiB up to the first hole.
  public struct BasicMemory: Hashable, Sendable {
    public var lower: ByteCount
    public var upper: ByteCount
  }

  /// total_size: the whole structure, up to the end tag or beyond.
  public internal(set) var size = ByteCount.zero
  /// Tag 1.
  public internal(set) var commandLine: String?
  /// Tag 2.
  public internal(set) var bootLoaderName: String?
  /// Tags 3, in their order. An empty module is at 0 under GRUB.
  public internal(set) var modules: [BootEnvironment.Module] = []
  /// Tag 4.
  public internal(set) var basicMemory: BasicMemory?
  /// Tag 6, as the firmware orders it; nil without the tag.
  public internal(set) var memoryMap: [MemoryMap.Entry]?
  /// Tag 14: where in the structure a copy of ACPI 1.0's RSDP lies.
  public internal(set) var oldRSDP: FileRange?
  /// Tag 15: where in the structure a copy of ACPI 2.0's RSDP lies.
  public internal(set) var newRSDP: FileRange?
  /// Tag 21: where the loader put the program that it started, if that is relocatable.
  public internal(set) var loadBase: PhysicalAddress?
}

extension Multiboot2Information {
  /// What EAX holds at the entry.
  public static var magic: UInt32 { 0x36d7_6289 }
  /// The most that is read: the largest that GRUB makes hold an ELF section table and an EFI memory map, some 64 KiB.
  public static var largestSize: ByteCount { .mebibytes(1) }

  /// The tags that are read; any other is passed over. (3.6.3 to 3.6.14)
  struct TagType: RawRepresentable, Equatable {
    let rawValue: UInt32

    static var end: TagType { TagType(rawValue: 0) }
    static var commandLine: TagType { TagType(rawValue: 1) }
    static var bootLoaderName: TagType { TagType(rawValue: 2) }
    static var module: TagType { TagType(rawValue: 3) }
    static var basicMemory: TagType { TagType(rawValue: 4) }
    static var memoryMap: TagType { TagType(rawValue: 6) }
    static var oldRSDP: TagType { TagType(rawValue: 14) }
    static var newRSDP: TagType { TagType(rawValue: 15) }
    static var loadBase: TagType { TagType(rawValue: 21) }
  }

  /// One tag, proven to lie in the structure as a whole. A reference, since it goes through many hands.
  final class Tag {
    /// The structure.
    let bytes: [UInt8]
    let type: TagType
    /// Where it starts.
    let offset: UInt64
    /// Its header included, the padding behind it not.
    let size: UInt64

    var end: UInt64 { offset + size }
    /// Where the next tag starts.
    var next: UInt64 { (end + 7) & ~7 }

    /// Reads type and size, and proves that the tag lies in the structure.
    init(at offset: UInt64, _ bytes: [UInt8]) throws(ParseError) {
      let room = UInt64(bytes.count)
      guard offset + 8 <= room else {
        throw ParseError(.truncated, field: "end tag", at: offset, found: room, allowed: .atLeast(offset + 8))
      }
      self.bytes = bytes
      self.offset = offset
      type = TagType(rawValue: UInt32(truncatingIfNeeded: Self.word(at: offset, bytes)))
      size = Self.word(at: offset + 4, bytes)
      guard size >= 8 else { throw sizeError(.invalidValue, allowed: .atLeast(8)) }
      guard size <= room - offset else { throw sizeError(.outsideFile, allowed: .atMost(room - offset)) }
    }
  }
}
