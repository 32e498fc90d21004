public import Addresses

/// Physical memory as a page walk sees it: a source of entries. Host memory while building, a guest's RAM, a dump, the
/// machine's own memory through its direct map.
public protocol TableMemory {
  /// The little-endian 64-bit word at a physical address (a multiple of 8), or nil where there is no memory.
  func loadEntry(at address: PhysicalAddress) -> UInt64?
}

/// Memory in which tables can be built and changed. It is a handle: copies of it reach the same bytes.
public protocol WritableTableMemory: TableMemory {
  /// Writes a little-endian 64-bit word; false where there is no memory.
  func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool

  /// Writes `count` words from `address` up, each `step` above the one before; false where not all of it is memory.
  func storeEntries(_ count: Int, first: UInt64, step: UInt64, at address: PhysicalAddress) -> Bool
}

extension WritableTableMemory {
  @inlinable
  public func storeEntries(_ count: Int, first: UInt64, step: UInt64, at address: PhysicalAddress) -> Bool {
    var value = first
    for index in 0..<UInt64(truncatingIfNeeded: count) {
      guard storeEntry(value, at: PhysicalAddress(unchecked: address.value &+ index &* 8)) else { return false }
      value &+= step
    }
    return true
  }
}

extension TableMemory {
  /// An entry of `1 << shift` bytes.
  @inlinable func load(at address: PhysicalAddress, shift: UInt8) -> UInt64? {
    if shift == 3 { return loadEntry(at: address) }
    let word = loadEntry(at: PhysicalAddress(unchecked: address.value & ~7))
    return word.map { ($0 >> ((address.value & 4) &* 8)) & 0xffff_ffff }
  }
}

extension WritableTableMemory {
  /// Writes an entry of `1 << shift` bytes.
  @inlinable func store(_ value: UInt64, at address: PhysicalAddress, shift: UInt8) -> Bool {
    if shift == 3 { return storeEntry(value, at: address) }
    let whole = PhysicalAddress(unchecked: address.value & ~7)
    guard let word = loadEntry(at: whole) else { return false }
    let place = (address.value & 4) &* 8
    return storeEntry(word & ~(0xffff_ffff << place) | value << place, at: whole)
  }

  /// Writes `count` entries of `1 << shift` bytes.
  @inlinable
  func store(_ count: Int, first: UInt64, step: UInt64, at address: PhysicalAddress, shift: UInt8) -> Bool {
    if shift == 3 { return storeEntries(count, first: first, step: step, at: address) }
    var value = first
    for index in 0..<UInt64(truncatingIfNeeded: count) {
      guard store(value & 0xffff_ffff, at: PhysicalAddress(unchecked: address.value &+ index << 2), shift: shift)
      else { return false }
      value &+= step
    }
    return true
  }
}
