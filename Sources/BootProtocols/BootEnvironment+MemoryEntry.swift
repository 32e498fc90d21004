import AddressSpace
import Addresses
import KernelImage

extension PhysicalRange {
  /// A range whose start and size are neighbouring u64 fields at `place`.
  @inline(never)
  init(
    start: UInt64, count: UInt64, of entry: BootEntryName, fields: (start: StaticString, count: StaticString),
    at place: UInt64
  ) throws(ParseError) {
    guard start <= PhysicalAddress.greatest else {
      throw ParseError(
        .invalidValue, field: entry.field(fields.start), at: place, found: start,
        allowed: .atMost(PhysicalAddress.greatest))
    }
    guard let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: ByteCount(count)) else {
      throw ParseError(
        .invalidValue, field: entry.field(fields.count), at: place &+ 8, found: count,
        allowed: .atMost(PhysicalAddress.greatest - start + 1))
    }
    self = range
  }
}

extension MemoryMap.Entry {
  /// An entry of a boot protocol's memory map. Both number kinds as e820 does, and neither gives 0 a meaning:
  /// Multiboot 2 says that what it does not name is reserved, and 0 would otherwise lose to usable memory where the two
  /// overlap.
  init(_ range: PhysicalRange, kind: UInt32) {
    self.init(range: range, kind: kind == 0 ? .reserved : MemoryKind(rawValue: kind))
  }
}
