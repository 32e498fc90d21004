public import AddressSpace
public import Addresses

/// Which bits of a virtual address select what: everything about a mode's tables but the meaning of their entries.
///
///     63            virtualBits      shift(of: 3)      shift(of: 2)      shift(of: 1)
///     ┌──────────────────┬────────────────┬─────────────────┬─────────────────┬────────────────┐
///     │ form: 0, 1, sign │ root's index   │ index, level 2  │ index, level 1  │ offset in page │
///     └──────────────────┴────────────────┴─────────────────┴─────────────────┴────────────────┘
///                          what is left      indexBits         indexBits         pageShift
///
/// Every level below the root has the same number of index bits; the root has those that are left.
public struct TableGeometry: Hashable, Sendable {
  /// The smallest page is `1 << pageShift` bytes.
  public let pageShift: UInt8
  /// Index bits of every level below the root.
  public let indexBits: UInt8
  public let levels: UInt8
  public let virtualBits: UInt8
  /// The base-2 logarithm of an entry's size in bytes: 2 or 3.
  public let entryShift: UInt8
  public let form: AddressForm

  public init(
    pageShift: UInt8, indexBits: UInt8, virtualBits: Int, entryShift: UInt8 = 3, form: AddressForm
  ) {
    self.pageShift = pageShift
    self.indexBits = indexBits
    self.virtualBits = UInt8(truncatingIfNeeded: virtualBits)
    self.entryShift = entryShift
    self.form = form
    // Enough levels for all bits above the page offset.
    levels = UInt8(truncatingIfNeeded: (virtualBits &- Int(pageShift) &+ Int(indexBits) &- 1) / Int(indexBits))
  }

  /// The level of the table that the root register points to.
  @inlinable @inline(__always) public var rootLevel: TableLevel { TableLevel(rawValue: Int(levels)) }

  /// How many address bits an entry of this level leaves to what it points to; the size of its page, where it can be
  /// one.
  @inlinable @inline(__always) public func shift(of level: TableLevel) -> UInt64 {
    UInt64(pageShift) &+ UInt64(indexBits) &* UInt64(truncatingIfNeeded: level.rawValue &- 1)
  }

  /// The page that an entry of this level would be.
  @inlinable @inline(__always) public func pageSize(of level: TableLevel) -> PageSize {
    PageSize(shift: UInt8(truncatingIfNeeded: shift(of: level)))
  }

  /// The level whose entries are pages of this size, if one has them.
  public func level(of size: PageSize) -> TableLevel? {
    let rest = Int(size.rawValue) - Int(pageShift)
    guard rest >= 0, rest % Int(indexBits) == 0, rest / Int(indexBits) < Int(levels) else { return nil }
    return TableLevel(rawValue: rest / Int(indexBits) + 1)
  }

  /// How many address bits a whole table of this level resolves.
  @inlinable @inline(__always) public func tableShift(of level: TableLevel) -> UInt64 {
    level.rawValue >= Int(levels) ? UInt64(virtualBits) : shift(of: level) &+ UInt64(indexBits)
  }

  /// How many entries a table of this level has.
  @inlinable @inline(__always) public func entryCount(of level: TableLevel) -> Int {
    1 << Int(tableShift(of: level) &- shift(of: level))
  }

  /// How many bytes are taken for one table: a root with few entries gets as much as any other.
  @inlinable @inline(__always) public var frameSize: ByteCount { ByteCount(1 << UInt64(pageShift)) }

  /// Which entry of a table of this level translates an address.
  @inlinable @inline(__always) public func index(_ address: UInt64, at level: TableLevel) -> Int {
    Int(truncatingIfNeeded: (address >> shift(of: level)) & (UInt64(entryCount(of: level)) &- 1))
  }

  /// Which entry of a table of this level translates an address.
  public func index(of address: VirtualAddress, at level: TableLevel) -> Int { index(address.value, at: level) }

  /// The translated bits alone.
  @inlinable @inline(__always) public func linear(_ address: UInt64) -> UInt64 {
    address & ((1 << UInt64(virtualBits)) &- 1)
  }

  /// The virtual address with these translated bits.
  @inlinable @inline(__always) public func virtual(_ linear: UInt64) -> VirtualAddress {
    VirtualAddress(unchecked: form.extend(linear, bits: Int(virtualBits)))
  }

  @inlinable @inline(__always) public func covers(_ address: VirtualAddress) -> Bool {
    form.extend(address.value, bits: Int(virtualBits)) == address.value
  }
}
