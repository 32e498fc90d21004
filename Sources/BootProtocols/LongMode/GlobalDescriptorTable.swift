/// The segments that 64-bit kernels are entered with: null, null, code, data.
///
/// In 64-bit mode the processor looks at little of a descriptor: for code at L and the privilege level, for data at
/// nothing but presence. Bases and limits are written for the compatibility mode that is passed on the way
/// (Intel SDM vol. 3A, 3.4.5 and 5.2.1). Selectors 0x10 and 0x18 are what Linux's boot protocol asks for
/// (`__BOOT_CS`, `__BOOT_DS`).
public enum GlobalDescriptorTable {
  /// Present, ring 0, execute/read, accessed (type 0xb), L = 1, G = 1, limit 0xfffff. Accessed is set beforehand:
  /// the processor would otherwise write it when the selector is loaded, and the table may lie in read-only memory.
  public static var code64: UInt64 { 0x00af_9b00_0000_ffff }
  /// Present, ring 0, read/write, accessed (type 3), D/B = 1, G = 1, limit 0xfffff.
  public static var data: UInt64 { 0x00cf_9300_0000_ffff }

  public static var codeSelector: UInt16 { 0x10 }
  public static var dataSelector: UInt16 { 0x18 }

  /// The descriptors by index; a selector is its index times eight.
  public static var descriptors: [UInt64] { [0, 0, code64, data] }

  /// The table's size in bytes.
  public static var byteCount: Int { 32 }
  /// What GDTR's limit holds: the offset of the last byte.
  public static var limit: UInt16 { 31 }

  /// The table as the processor reads it.
  public static var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for descriptor in descriptors { bytes.append(littleEndian: descriptor) }
    return bytes
  }
}
