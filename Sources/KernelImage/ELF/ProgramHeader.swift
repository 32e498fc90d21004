public import Addresses

/// One segment (System V gABI, ch. 5, "Program Header").
public struct ProgramHeader: Hashable, Sendable {
  /// The position in the program header table, from 0.
  public let index: Int
  /// Where the header itself lies in the file.
  public let headerOffset: FileOffset
  /// p_type.
  public let type: SegmentType
  /// p_flags.
  public let flags: SegmentFlags
  /// p_offset and p_filesz. Inside the file unless it is empty; empty at 0 for a PT_NULL whose fields make no range.
  public let fileRange: FileRange
  /// p_vaddr.
  public let virtualAddress: LinkAddress
  /// p_paddr, raw: many linkers write the virtual address here.
  public let physicalAddress: UInt64
  /// p_filesz.
  public let fileSize: ByteCount
  /// p_memsz. For PT_LOAD at least `fileSize`, and `virtualAddress` + `memorySize` does not leave the address space.
  public let memorySize: ByteCount
  /// p_align: 0 and 1 ask for nothing.
  public let alignment: UInt64

  /// The link addresses of the segment in memory, or nil when they leave the space. Never nil for PT_LOAD.
  public var linkRange: LinkRange? { LinkRange(start: virtualAddress, count: memorySize) }
}
