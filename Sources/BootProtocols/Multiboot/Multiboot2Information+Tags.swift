import AddressSpace
import Addresses
import KernelImage

// Bounded reads of one tag. Offsets stay far below 2⁶⁴: the structure is at most 1 MiB, a size is a 32-bit number.

extension Multiboot2Information.Tag {
  /// Reads type and size, and proves that the tag lies in the structure.
  init(at offset: UInt64, _ bytes: RawSpan) throws(ParseError) {
    guard bytes.holds(8, at: offset) else {
      throw ParseError(
        .truncated, field: "end tag", at: offset, found: UInt64(bytes.byteCount), allowed: .atLeast(offset + 8))
    }
    let type = try bytes.read(UInt32.self, at: offset, field: "tag type")
    let size = UInt64(try bytes.read(UInt32.self, at: offset + 4, field: "tag size"))
    self.type = Multiboot2Information.TagType(rawValue: type)
    self.offset = offset
    self.size = size
    guard size >= 8 else { throw sizeError(.invalidValue, allowed: .atLeast(8)) }
    guard bytes.holds(size, at: offset) else {
      throw sizeError(.outsideFile, allowed: .atMost(UInt64(bytes.byteCount) - offset))
    }
  }

  @inline(never)
  private func sizeError(_ code: ParseError.Code, allowed: ParseError.Allowed) -> ParseError {
    ParseError(code, field: "tag of type \(type.rawValue): size", at: offset + 4, found: size, allowed: allowed)
  }

  /// Of two tags that contradict each other neither is the right one.
  @inline(never) func mustBeFirst(_ isFirst: Bool) throws(ParseError) {
    guard isFirst else {
      throw ParseError(
        .invalidValue, field: "tag type", at: offset, found: UInt64(type.rawValue),
        allowed: .rule("one tag of this type"))
    }
  }

  /// What follows type and size, which must be `count` bytes or more.
  func content(atLeast count: UInt64) throws(ParseError) -> FileRange {
    guard size >= 8 + count else { throw sizeError(.invalidValue, allowed: .atLeast(8 + count)) }
    return FileRange(uncheckedStart: FileOffset(unchecked: offset + 8), count: ByteCount(size - 8))
  }

  /// The u32 at `position` in the tag, whose content was found to hold it.
  @inline(never) func word(at position: UInt64, _ bytes: RawSpan) throws(ParseError) -> UInt64 {
    UInt64(try bytes.read(UInt32.self, at: offset + position, field: "tag of type \(type.rawValue)"))
  }

  /// The string from `position` in the tag, whose NUL must lie in the tag too.
  @inline(never)
  func string(
    at position: UInt64, _ name: BootEntryName, _ field: StaticString, _ bytes: RawSpan
  ) throws(ParseError) -> String {
    let start = offset + position
    var text: [UInt8] = []
    var place = start
    while place < end, let byte = bytes.load(UInt8.self, at: place) {
      if byte == 0 { return String(bytes: text) }
      text.append(byte)
      place += 1
    }
    throw ParseError(
      .invalidValue, field: name.field(field), at: start, found: end - start, allowed: .rule("a NUL before the tag's end"))
  }

  /// {u32 entry_size, u32 entry_version}, then {u64 base_addr, u64 length, u32 type, u32 reserved, …} each entry_size
  /// long. Later versions are promised to keep these fields, so that the version is not looked at.
  @inline(never) func memoryMap(_ bytes: RawSpan) throws(ParseError) -> [MemoryMap.Entry] {
    let table = try content(atLeast: 8)
    let stride = try word(at: 8, bytes)
    guard stride >= 24, stride % 8 == 0 else {
      throw ParseError(
        .invalidValue, field: "memory map: entry_size", at: offset + 8, found: stride,
        allowed: stride < 24 ? .atLeast(24) : .multipleOf(8))
    }
    let room = table.count.value - 8
    guard room % stride == 0, room / stride <= BootEnvironment.memoryEntryLimit else {
      throw ParseError(
        room % stride == 0 ? .tooMany : .invalidValue, field: "memory map: size", at: offset + 4, found: size,
        allowed: room % stride == 0
          ? .atMost(16 + BootEnvironment.memoryEntryLimit * stride) : .rule("16 and a multiple of entry_size"))
    }
    var entries: [MemoryMap.Entry] = []
    for index in 0..<(room / stride) {
      let name = BootEntryName(table: "memory map entry", index: index)
      entries.append(try entry(at: 16 + index * stride, name, bytes))
    }
    return entries
  }

  private func entry(
    at position: UInt64, _ name: BootEntryName, _ bytes: RawSpan
  ) throws(ParseError) -> MemoryMap.Entry {
    let range = try PhysicalRange(
      start: try long(at: position, bytes), count: try long(at: position + 8, bytes), of: name,
      fields: ("base_addr", "length"), at: offset + position)
    return MemoryMap.Entry(range, kind: UInt32(truncatingIfNeeded: try word(at: position + 16, bytes)))
  }

  /// The u64 at `position`.
  private func long(at position: UInt64, _ bytes: RawSpan) throws(ParseError) -> UInt64 {
    try word(at: position, bytes) | (try word(at: position + 4, bytes)) << 32
  }
}
