public import Addresses

/// An ELF file: its header and its two tables. The bytes stay with the caller, who hands them back for what is decoded
/// on demand (names, notes, the dynamic table, relocations, symbols).
public struct ELFFile: Sendable {
  public let header: FileHeader
  /// The program header table, in file order; empty when there is none, and for a big-endian file, whose tables are
  /// not decoded.
  public let programHeaders: [ProgramHeader]
  /// The section header table, in file order, section 0 included; empty as above.
  public let sectionHeaders: [SectionHeader]
  /// The section that holds the section names; nil when there is none.
  public let sectionNameTable: Int?
}

extension ELFFile {
  /// The segments that take memory, in file order.
  public var loadSegments: [ProgramHeader] { programHeaders.filter { $0.type == .load } }

  /// Where the ELF file ends by its own account: after the last byte of its header, tables, segments and sections. What
  /// a build appends (Linux's relocation table) starts here.
  public var structuralEnd: FileOffset {
    var end = UInt64(header.headerSize)
    if let last = programHeaders.last {
      end = max(end, last.headerOffset.value &+ UInt64(header.programHeaderEntrySize))
    }
    if let last = sectionHeaders.last {
      end = max(end, last.headerOffset.value &+ UInt64(header.sectionHeaderEntrySize))
    }
    for segment in programHeaders where !segment.fileRange.isEmpty { end = max(end, segment.fileRange.endValue) }
    for section in sectionHeaders where !section.fileRange.isEmpty { end = max(end, section.fileRange.endValue) }
    return FileOffset(unchecked: end)
  }

  /// The file bytes behind a range of link addresses, or nil when no one PT_LOAD holds all of them in the file.
  public func fileRange(of linked: LinkRange) -> FileRange? {
    for segment in programHeaders where segment.type == .load {
      guard let distance = linked.start.distance(from: segment.virtualAddress),
        distance <= segment.fileSize, linked.count.value <= segment.fileSize.value - distance.value,
        let start = segment.fileRange.start.adding(distance)
      else { continue }
      return FileRange(uncheckedStart: start, count: linked.count)
    }
    return nil
  }
}
