import Addresses

extension RelocationTable {
  /// Finds the table behind the ELF file at the start of `blob`, and proves that every place it names lies in the
  /// image that the file's PT_LOAD segments make. One pass over the table.
  ///
  /// The image is ordered by physical address, so a place is measured from the link address of the segment that lies
  /// lowest in physical memory (the old per-processor segment has virtual address 0, but its places are named by where
  /// it is loaded).
  ///
  /// - Throws: ``ParseError`` as `init(parsing:after:)` does, and for the first place outside the image.
  public init?(parsing blob: RawSpan, of elf: ELFFile) throws(ParseError) {
    guard let table = try RelocationTable(parsing: blob, after: elf.structuralEnd) else { return nil }
    guard let window = LinkedWindow(of: elf) else {
      throw ParseError(
        .invalidValue, field: "relocation table: places", at: table.range.start.value, found: 0,
        allowed: .rule("an image with PT_LOAD segments"))
    }
    try window.check(table.entries64, of: blob, width: 8)
    try window.check(table.entriesInverse32, of: blob, width: 4)
    try window.check(table.entries32, of: blob, width: 4)
    self = table
  }
}

/// The link addresses an image spans, in the order of its physical addresses.
private struct LinkedWindow {
  let base: UInt64
  let size: UInt64
  let isWide: Bool

  init?(of elf: ELFFile) {
    var lowest: ProgramHeader?
    var end: UInt64 = 0
    for segment in elf.programHeaders where segment.type == .load && segment.memorySize.value > 0 {
      let (segmentEnd, wraps) = segment.physicalAddress.addingReportingOverflow(segment.memorySize.value)
      guard !wraps else { return nil }
      end = max(end, segmentEnd)
      if segment.physicalAddress < lowest?.physicalAddress ?? .max { lowest = segment }
    }
    guard let lowest else { return nil }
    base = lowest.virtualAddress.value
    size = end - lowest.physicalAddress
    isWide = elf.header.class == .bits64
  }

  func check(_ list: FileRange, of blob: RawSpan, width: UInt64) throws(ParseError) {
    var offset = list.start.value
    while offset < list.endValue {
      let word = try blob.read(UInt32.self, at: offset, field: "relocation table")
      let place = isWide ? UInt64(bitPattern: Int64(Int32(bitPattern: word))) : UInt64(word)
      let distance = place &- base
      guard distance < size, size - distance >= width else {
        throw ParseError(
          .invalidValue, field: "relocation table: place", at: offset, found: place,
          allowed: .rule("inside the memory of the image's segments"))
      }
      offset &+= 4
    }
  }
}
