import TestSupport

/// Files with the headers of OSv's kernels (cloudius-systems/osv, arch/x64/loader.ld): one segment from the first byte
/// of the file, physical 0x200000, and .bss behind it.
enum OSvTwin {
  static let fileSize: UInt64 = 0x5000
  static let memorySize: UInt64 = 0x8000

  /// 1:1, entered at start32 by e_entry.
  static var old: [UInt8] { file(virtual: 0x20_0000, entry: 0x20_1000, notes: []) }

  /// After commit 2a1795db: virtual addresses 1 GiB higher; e_entry is the physical address of the 64-bit entry, the slot at
  /// 0x800 that of start32, and note 18 that of the entry for PVH.
  static var new: [UInt8] {
    var bytes = file(virtual: 0x4020_0000, entry: 0x20_1100, notes: note)
    bytes.replaceSubrange(0x800..<0x808, with: UInt64(0x20_1000).bytes)
    return bytes
  }

  private static var note: [UInt8] {
    UInt32(4).bytes + UInt32(4).bytes + UInt32(18).bytes + Array("Xen\0".utf8) + UInt32(0x20_1040).bytes
  }

  private static func file(virtual: UInt64, entry: UInt64, notes: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    // e_type ET_EXEC, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum.
    bytes += UInt16(2).bytes + UInt16(62).bytes + UInt32(1).bytes + entry.bytes + UInt64(64).bytes + UInt64(0).bytes
    bytes += UInt32(0).bytes + UInt16(64).bytes + UInt16(56).bytes + UInt16(notes.isEmpty ? 1 : 2).bytes
    bytes += [UInt8](repeating: 0, count: 6)
    bytes += header(type: 1, flags: 7, offset: 0, virtual, fileSize, memorySize, alignment: 0x1000)
    if !notes.isEmpty {
      let size = UInt64(notes.count)
      bytes += header(type: 4, flags: 4, offset: 0x400, virtual + 0x400, size, size, alignment: 4)
    }
    bytes += [UInt8](repeating: 0x90, count: Int(fileSize) - bytes.count)
    bytes.replaceSubrange(0x400..<0x400 + notes.count, with: notes)
    return bytes
  }

  private static func header(
    type: UInt32, flags: UInt32, offset: UInt64, _ virtual: UInt64, _ fileSize: UInt64, _ memorySize: UInt64,
    alignment: UInt64
  ) -> [UInt8] {
    let physical = 0x20_0000 + virtual & 0xf_ffff
    return type.bytes + flags.bytes + offset.bytes + virtual.bytes + physical.bytes + fileSize.bytes + memorySize.bytes
      + alignment.bytes
  }
}
