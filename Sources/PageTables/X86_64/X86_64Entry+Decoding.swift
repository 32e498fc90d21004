public import Addresses

extension X86_64Entry {
  /// What an entry says at the level it stands on.
  public enum Meaning: Hashable, Sendable {
    /// P is 0: nothing is mapped here, and the other 63 bits mean nothing.
    case absent
    case target(Target)
    /// Bits that must be zero are not; the processor answers a use of this entry with a page fault (RSVD).
    case reserved(bits: UInt64)
  }

  /// Where a sound entry points.
  public enum Target: Hashable, Sendable {
    /// The next table.
    case table(PhysicalAddress)
    case page(PhysicalAddress, PageSize)
  }

  /// Reads the entry as the processor does (Intel SDM vol. 3A, 4.5.4 and table 4-15 and following).
  ///
  /// - Parameters:
  ///   - level: the level of the table that holds the entry.
  ///   - physicalBits: MAXPHYADDR, at most 52; address bits from there up are reserved.
  public func meaning(at level: TableLevel, physicalBits: Int) -> Meaning {
    guard isPresent else { return .absent }
    let wrong = rawValue & reservedBits(at: level, physicalBits: physicalBits)
    guard wrong == 0 else { return .reserved(bits: wrong) }
    guard let size = level.pageSize, level == .pageTable || hasPageSizeBit else { return .target(.table(frame)) }
    return .target(.page(PhysicalAddress(unchecked: frame.value & ~size.alignment.mask), size))
  }

  /// The bits that must be zero in an entry with this page-size bit.
  private func reservedBits(at level: TableLevel, physicalBits: Int) -> UInt64 {
    let tooWide = Bit.frame & ~((1 << UInt64(min(max(physicalBits, 12), 52))) - 1)
    guard level != .pageTable, hasPageSizeBit else { return tooWide }
    guard let size = level.pageSize else { return tooWide | Bit.pageSize }
    return tooWide | (size.alignment.mask & Bit.frame & ~Bit.largeAttribute)
  }
}
