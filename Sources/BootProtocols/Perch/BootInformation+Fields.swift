import Addresses
import KernelImage

// Bounded reads of single fields. Offsets are positions in the structure, whose size is at most 32 bits wide.

extension BootInformation {
  static func word(_ offset: Int, _ field: Sentence, _ bytes: RawSpan) throws(ParseError) -> UInt64 {
    try bytes.read(UInt64.self, at: UInt64(offset), field: field)
  }

  static func physical(_ offset: Int, _ field: Sentence, _ bytes: RawSpan) throws(ParseError) -> PhysicalAddress {
    let value = try word(offset, field, bytes)
    guard value <= PhysicalAddress.greatest else {
      throw ParseError(
        .invalidValue, field: field, at: UInt64(offset), found: value, allowed: .atMost(PhysicalAddress.greatest))
    }
    return PhysicalAddress(unchecked: value)
  }

  /// {u64 start, u64 size}
  static func physicalRange(_ offset: Int, _ field: Sentence, _ bytes: RawSpan) throws(ParseError) -> PhysicalRange {
    let start = try physical(offset, field + ": start", bytes)
    let count = try word(offset + 8, field + ": size", bytes)
    guard let range = PhysicalRange(start: start, count: ByteCount(count)) else {
      throw ParseError(
        .invalidValue, field: field + ": size", at: UInt64(offset + 8), found: count,
        allowed: .atMost(PhysicalAddress.greatest - start.value + 1))
    }
    return range
  }

  /// {u32 offset, u32 count} of a table that lies in the structure as a whole.
  static func table(
    _ position: Int, _ field: Sentence, entry size: Int, _ bytes: RawSpan
  ) throws(ParseError) -> (offset: Int, count: Int) {
    let offset = try bytes.read(UInt32.self, at: UInt64(position), field: field + "_offset")
    let count = try bytes.read(UInt32.self, at: UInt64(position + 4), field: field + "_count")
    // Two 32-bit numbers and a small factor: no overflow in 64 bits.
    guard bytes.holds(UInt64(count) * UInt64(size), at: UInt64(offset)) else {
      let room = max(0, bytes.byteCount - Int(offset)) / size
      throw ParseError(
        .outsideFile, field: field + "_count", at: UInt64(position + 4), found: UInt64(count),
        allowed: .atMost(UInt64(room)))
    }
    return (Int(offset), Int(count))
  }

  /// The bytes of the string whose offset is the u32 at `position`, up to its NUL, which must lie in the structure.
  ///
  /// - Parameter room: how many bytes all strings that are still to come may have together. Strings do not overlap, so
  ///   that a structure whose every name is its whole rest is refused before it takes memory without end.
  static func string(
    pointerAt position: Int, _ field: Sentence, room: inout Int, _ bytes: RawSpan
  ) throws(ParseError) -> [UInt8] {
    let start = try bytes.read(UInt32.self, at: UInt64(position), field: field)
    var characters: [UInt8] = []
    while true {
      guard let byte = bytes.load(UInt8.self, at: UInt64(start) + UInt64(characters.count)) else {
        throw ParseError(
          .outsideFile, field: field, at: UInt64(position), found: UInt64(start), allowed: .rule("ends with a NUL"))
      }
      guard byte != 0 else { return characters }
      guard room > 0 else {
        throw ParseError(
          .tooMany, field: field, at: UInt64(position), found: UInt64(start), allowed: .rule("strings do not overlap"))
      }
      room -= 1
      characters.append(byte)
    }
  }

  /// {u32 offset, u32 length}, and a NUL behind the last byte.
  static func commandLine(room: inout Int, _ bytes: RawSpan) throws(ParseError) -> [UInt8] {
    let position = Offset.commandLine
    let line = try string(pointerAt: position, "command_line_offset", room: &room, bytes)
    let length = try bytes.read(UInt32.self, at: UInt64(position + 4), field: "command_line_length")
    guard UInt64(length) == UInt64(line.count) else {
      throw ParseError(
        .invalidValue, field: "command_line_length", at: UInt64(position + 4), found: UInt64(length),
        allowed: .exactly(UInt64(line.count)))
    }
    return line
  }
}
