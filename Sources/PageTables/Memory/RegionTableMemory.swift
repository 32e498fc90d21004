public import Addresses

/// Memory of this program as the physical memory at an address: a buffer while tables are built, a guest's RAM, or, on
/// the bare machine, its own memory through the direct map.
///
/// `@safe`: the initializer states what has to hold, and every use of the pointer is bounds-checked.
@safe public struct RegionTableMemory: WritableTableMemory {
  public let range: PhysicalRange
  @usableFromInline let pointer: UnsafeMutableRawPointer

  /// - Parameters:
  ///   - base: the physical address of the first byte, a multiple of 8.
  ///   - bytes: at least `bytes.count` bytes, aligned to 8; they stay valid, and are not accessed through typed pointers
  ///     to anything but integers, while this value or a copy of it is in use.
  @unsafe public init?(base: PhysicalAddress, bytes: UnsafeMutableRawBufferPointer) {
    guard let pointer = bytes.baseAddress, UInt(bitPattern: pointer) & 7 == 0,
      let range = PhysicalRange(start: base, count: ByteCount(UInt64(bytes.count)))
    else { return nil }
    self.range = range
    unsafe self.pointer = pointer
  }

  /// The offset of `count` words at an address, if they are all there.
  @inlinable func offset(of address: PhysicalAddress, count: UInt64) -> Int? {
    let offset = address.value &- range.start.value
    let room = range.count.value
    guard address.value >= range.start.value, address.value & 7 == 0, offset <= room, count &* 8 <= room &- offset
    else { return nil }
    return Int(truncatingIfNeeded: offset)
  }

  @inlinable public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    guard let offset = offset(of: address, count: 1) else { return nil }
    // SAFETY: 1. `offset` checked the bounds and the alignment; 2. every bit pattern is an integer.
    return unsafe UInt64(littleEndian: pointer.load(fromByteOffset: offset, as: UInt64.self))
  }

  @inlinable public func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
    guard let offset = offset(of: address, count: 1) else { return false }
    // SAFETY: `offset` checked the bounds and the alignment.
    unsafe pointer.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
    return true
  }

  @inlinable
  public func storeEntries(_ count: Int, first: UInt64, step: UInt64, at address: PhysicalAddress) -> Bool {
    guard let offset = offset(of: address, count: UInt64(truncatingIfNeeded: count)) else { return false }
    // SAFETY: `offset` checked the bounds of all `count` words and the alignment.
    let words = unsafe (pointer + offset).assumingMemoryBound(to: UInt64.self)
    var value = first
    for index in 0..<count {
      unsafe words[index] = value.littleEndian
      value &+= step
    }
    return true
  }
}
