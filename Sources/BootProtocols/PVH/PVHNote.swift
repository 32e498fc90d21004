public import Addresses

/// The ELF note by which a kernel says where a PVH loader enters it (Xen `public/elfnote.h`, XEN_ELFNOTE_PHYS32_ENTRY).
///
/// The descriptor is eight bytes, as Linux writes it on x86-64: QEMU reads a host word at 12 + the name's size rounded
/// up to the segment's `p_align`, whatever `descsz` says, and Xen takes 1, 2, 4 or 8 bytes.
public struct PVHNote: Hashable, Sendable {
  /// XEN_ELFNOTE_PHYS32_ENTRY.
  public static var type: UInt32 { 18 }
  /// The `p_align` of the PT_NOTE segment. Note fields are 4-byte aligned; QEMU 7.2 computes the descriptor's offset
  /// from this value and crashes on a large one.
  public static var segmentAlignment: UInt64 { 4 }
  /// The size of ``bytes``.
  public static var byteCount: Int { 24 }

  /// Where the loader jumps to, in 32-bit protected mode.
  public let entry: PhysicalAddress

  /// Nil where 32-bit code cannot be entered: at 4 GiB and above.
  public init?(entry: PhysicalAddress) {
    guard entry.value <= 0xffff_ffff else { return nil }
    self.entry = entry
  }

  /// `namesz`, `descsz`, `type`, "Xen\0", the entry as a 64-bit word.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(4))
    bytes.append(littleEndian: UInt32(8))
    bytes.append(littleEndian: Self.type)
    bytes += [0x58, 0x65, 0x6e, 0]
    bytes.append(littleEndian: entry.value)
    return bytes
  }
}
