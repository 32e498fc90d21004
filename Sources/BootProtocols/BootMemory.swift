public import Addresses
import KernelImage

/// Physical memory as a reader of boot information sees it: the machine's own, a dump, a test's.
public protocol BootMemory {
  /// The byte at a physical address, or nil where there is no memory to read.
  func loadByte(at address: PhysicalAddress) -> UInt8?
}

extension BootMemory {
  /// The little-endian integer of so many bytes at a physical address of any alignment, or nil where there is no memory.
  @inline(never) func load(_ byteCount: UInt64, at address: PhysicalAddress) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<byteCount {
      guard let place = address.adding(ByteCount(index)), let byte = loadByte(at: place) else { return nil }
      value |= UInt64(byte) << (8 * index)
    }
    return value
  }
}

/// A structure in memory, or an entry of a table, whose fields are read by their names.
struct BootStructure<Memory: BootMemory> {
  let memory: Memory
  let address: PhysicalAddress
  let name: BootEntryName

  init(at address: PhysicalAddress, in memory: Memory, _ name: BootEntryName = BootEntryName()) {
    self.memory = memory
    self.address = address
    self.name = name
  }

  func byte(at offset: UInt64, _ field: StaticString) throws(ParseError) -> UInt8 {
    UInt8(truncatingIfNeeded: try read(1, at: offset, field))
  }

  /// A u32.
  func word(at offset: UInt64, _ field: StaticString) throws(ParseError) -> UInt32 {
    UInt32(truncatingIfNeeded: try read(4, at: offset, field))
  }

  /// A u64.
  func long(at offset: UInt64, _ field: StaticString) throws(ParseError) -> UInt64 { try read(8, at: offset, field) }

  /// An address; nil for 0.
  @inline(never)
  func pointer(at offset: UInt64, _ field: StaticString) throws(ParseError) -> PhysicalAddress? {
    let value = try long(at: offset, field)
    guard value <= PhysicalAddress.greatest else {
      throw error(.invalidValue, field, at: offset, found: value, allowed: .atMost(PhysicalAddress.greatest))
    }
    return value == 0 ? nil : PhysicalAddress(unchecked: value)
  }

  /// The integer of so many bytes at an offset, or which field has no memory.
  @inline(never)
  private func read(_ byteCount: UInt64, at offset: UInt64, _ field: StaticString) throws(ParseError) -> UInt64 {
    guard let place = address.adding(ByteCount(offset)), let value = memory.load(byteCount, at: place) else {
      throw error(
        .outsideFile, field, at: offset, found: address.value &+ offset, allowed: .rule("an address that has memory"))
    }
    return value
  }

  @inline(never)
  func error(
    _ code: ParseError.Code, _ field: StaticString, at offset: UInt64, found: UInt64, allowed: ParseError.Allowed
  ) -> ParseError {
    ParseError(code, field: name.field(field), at: address.value &+ offset, found: found, allowed: allowed)
  }
}

/// What an entry of a table is called; put into words for an error alone.
struct BootEntryName {
  /// "modlist entry"; empty for a structure that is no entry.
  var table: StaticString = ""
  var index: UInt64 = 0

  /// "modlist entry 1: paddr", or the field alone.
  @inline(never) func field(_ field: StaticString) -> Sentence {
    table.utf8CodeUnitCount == 0 ? "\(field)" : "\(table) \(index): \(field)"
  }
}
