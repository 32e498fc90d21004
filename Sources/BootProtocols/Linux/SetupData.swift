public import AddressSpace
public import Addresses

/// Nodes of the list that `setup_data` of the setup header points to: 64-bit address of the next node (0 ends the
/// list), 32-bit type, 32-bit length, and the data (Linux `Documentation/arch/x86/boot.rst`, setup_data).
public enum SetupData {
  /// SETUP_E820_EXT.
  public static var memoryMapExtensionType: UInt32 { 1 }
  /// The size of what precedes the data.
  public static var headerByteCount: Int { 16 }

  /// The node that holds the entries of a memory map for which the zero page has no room.
  ///
  /// - Returns: nil where the zero page holds them all.
  public static func memoryMapExtension(for map: MemoryMap, next: PhysicalAddress? = nil) -> [UInt8]? {
    let rest = map.entries.dropFirst(ZeroPage.memoryMapCapacity)
    guard !rest.isEmpty else { return nil }
    var bytes: [UInt8] = []
    bytes.append(littleEndian: next?.value ?? 0)
    bytes.append(littleEndian: memoryMapExtensionType)
    bytes.append(littleEndian: UInt32(clamping: rest.count * E820Entry.byteCount))
    for entry in rest { bytes += E820Entry(entry).bytes }
    return bytes
  }
}

/// A packed `struct boot_e820_entry`: address, size, type (Linux `arch/x86/include/uapi/asm/bootparam.h`).
struct E820Entry {
  static var byteCount: Int { 20 }
  let bytes: [UInt8]

  init(_ entry: MemoryMap.Entry) {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: entry.range.start.value)
    bytes.append(littleEndian: entry.range.count.value)
    bytes.append(littleEndian: entry.kind.rawValue)
    self.bytes = bytes
  }
}
