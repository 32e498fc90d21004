import AddressSpace
import Addresses
import KernelImage

// Bounded reads of one tag. Offsets stay far below 2⁶⁴: the structure is at most 1 MiB, a size is a 32-bit number.

extension Multiboot2Information.Tag {
  /// The u32 at an offset in the structure, which holds it.
  @inline(never) static func word(at offset: UInt64, _ bytes: [UInt8]) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<4 { word |= UInt64(bytes[Int(offset) + index]) << UInt64(8 * index) }
    return word
  }

  /// The u32 at `position` in the tag, whose content was found to hold it.
  func word(at position: UInt64) -> UInt64 { Self.word(at: offset + position, bytes) }

  /// The u64 at `position` in the tag.
  private func long(at position: UInt64) -> UInt64 { word(at: position) | word(at: position + 4) << 32 }

  @inline(never)
  func sizeError(_ code: ParseError.Code, allowed: ParseError.Allowed) -> ParseError {
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
  @inline(never) func content(atLeast count: UInt64) throws(ParseError) -> FileRange {
    guard size >= 8 + count else { throw sizeError(.invalidValue, allowed: .atLeast(8 + count)) }
    return FileRange(uncheckedStart: FileOffset(unchecked: offset + 8), count: ByteCount(size - 8))
  }

  /// The string from `position` in the tag, whose NUL must lie in the tag too.
  @inline(never)
  func string(at position: UInt64, _ name: BootEntryName, _ field: StaticString) throws(ParseError) -> String {
    let start = offset + position
    var place = start
    while place < end {
      if bytes[Int(place)] == 0 { return String(bytes: bytes[Int(start)..<Int(place)]) }
      place += 1
    }
    throw ParseError(
      .invalidValue, field: name.field(field), at: start, found: end - start,
      allowed: .rule("a NUL before the tag's end"))
  }

  /// {u32 entry_size, u32 entry_version}, then {u64 base_addr, u64 length, u32 type, u32 reserved, …} each entry_size
  /// long. Later versions are promised to keep these fields, so that the version is not looked at.
  @inline(never) func memoryMap() throws(ParseError) -> [MemoryMap.Entry] {
    let table = try content(atLeast: 8)
    let stride = word(at: 8)
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
      let position = 16 + index * stride
      let range = try PhysicalRange(
        start: long(at: position), count: long(at: position + 8),
        of: BootEntryName(table: "memory map entry", index: index), fields: ("base_addr", "length"),
        at: offset + position)
      entries.add(MemoryMap.Entry(range, kind: UInt32(truncatingIfNeeded: word(at: position + 16))))
    }
    return entries
  }
}
