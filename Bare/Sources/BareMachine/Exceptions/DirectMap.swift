public import Addresses
public import PageTables

/// Memory by its physical address, as this program reaches it: at ``base`` plus that address, as far as there is usable
/// memory. The one place where Swift touches memory that it did not get from its own heap.
///
/// `@safe`: the initializer states what has to hold, and every physical address is held against the ranges.
@safe public struct DirectMap: WritableTableMemory {
  /// The virtual address of physical address 0.
  public let base: VirtualAddress
  /// In ascending order.
  public let ranges: [PhysicalRange]

  /// - Parameters:
  ///   - base: where physical address 0 is, or would be, mapped.
  ///   - ranges: what is mapped there, readable and writable, for as long as this value or a copy of it is in use.
  @unsafe public init(base: VirtualAddress, ranges: [PhysicalRange]) {
    self.base = base
    self.ranges = ranges
  }

  @inlinable public func virtual(_ address: PhysicalAddress) -> VirtualAddress {
    VirtualAddress(unchecked: base.value &+ address.value)
  }

  /// Where `count` words from an address on are reached; nil where not all of them are memory.
  @inlinable func words(_ count: UInt64, at address: PhysicalAddress) -> UnsafeMutablePointer<UInt64>? {
    guard address.value & 7 == 0 else { return nil }
    var index = 0
    while index < ranges.count {
      let offset = address.value &- ranges[index].start.value
      let room = ranges[index].count.value
      // A position below the range is far above its end.
      if offset < room {
        guard count &* 8 <= room &- offset else { return nil }
        return unsafe UnsafeMutablePointer(bitPattern: UInt(base.value &+ address.value))
      }
      index &+= 1
    }
    return nil
  }

  @inlinable public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    // SAFETY: `words` gives a mapped and aligned word; every bit pattern is an integer.
    guard let word = unsafe words(1, at: address) else { return nil }
    return unsafe word.pointee
  }

  @inlinable public func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
    storeEntries(1, first: value, step: 0, at: address)
  }

  @inlinable
  public func storeEntries(_ count: Int, first: UInt64, step: UInt64, at address: PhysicalAddress) -> Bool {
    // SAFETY: `words` gives as many mapped and aligned words. Whether anybody else uses them is the caller's to know,
    // as for every frame that it takes.
    guard let words = unsafe words(UInt64(count), at: address) else { return false }
    var value = first
    for index in 0..<count {
      unsafe words[index] = value
      value &+= step
    }
    return true
  }
}

/// Memory by the virtual address at which it is mapped now.
public enum MappedMemory {
  /// A copy of bytes.
  ///
  /// - Parameter start: mapped, as are the bytes that follow; nobody writes to them meanwhile.
  public static func bytes(at start: VirtualAddress, count: Int) -> [UInt8] {
    // SAFETY: the bytes are mapped and unchanged, as the caller vouches; every byte is an integer.
    unsafe Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(start.value)), count: count))
  }

  /// Reads a 64-bit word.
  ///
  /// - Parameter address: mapped, and a multiple of 8.
  public static func word(at address: VirtualAddress) -> UInt64 {
    // SAFETY: as the caller vouches; every bit pattern is an integer.
    unsafe UnsafePointer<UInt64>(bitPattern: UInt(address.value)).unsafelyUnwrapped.pointee
  }

  /// Writes a 64-bit word.
  ///
  /// - Parameter address: mapped, writable and a multiple of 8; nothing that Swift knows of lies there.
  public static func setWord(_ value: UInt64, at address: VirtualAddress) {
    // SAFETY: as the caller vouches.
    unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(address.value))?.pointee = value
  }

  /// Writes a 32-bit word.
  ///
  /// - Parameter address: mapped, writable and a multiple of 4; nothing that Swift knows of lies there.
  static func store(_ value: UInt32, at address: UInt) {
    // SAFETY: as the caller vouches.
    unsafe UnsafeMutablePointer<UInt32>(bitPattern: address)?.pointee = value
  }
}
