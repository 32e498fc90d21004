import KernelImage
import TestSupport

/// Small images whose every number is chosen here.
enum SyntheticImages {
  /// An ELF kernel with two segments, three sections and a PVH note.
  static let elf = ELFBuilder(type: .executable, machine: .x86_64, entry: 0xffff_ffff_8120_0010)
    .segment(
      flags: [.read, .execute], virtual: 0xffff_ffff_8120_0000, physical: 0x120_0000,
      bytes: [UInt8](repeating: 0x90, count: 0x1000)
    )
    .segment(
      flags: [.read, .write, .execute], virtual: 0xffff_ffff_8140_0000, physical: 0x140_0000,
      bytes: [1, 2, 3, 4], memorySize: 0x3000
    )
    .note(owner: "Xen", type: 18, descriptor: [0, 0, 0x20, 1])
    .note(owner: "GNU", type: 3, descriptor: [0xde, 0xad, 0xbe, 0xef])
    .section(".comment", bytes: [0x41, 0])
    .build()

  /// Linux's relocation table in three lists: one 64-bit place, no inverse one, two 32-bit places.
  static let relocations: [UInt8] =
    [0, 0, 0, 0] + [0x08, 0x00, 0x20, 0x81] + [0, 0, 0, 0] + [0, 0, 0, 0] + [0x10, 0x00, 0x20, 0x81]
    + [0x14, 0x00, 0x20, 0x81]

  static let decompressor = [UInt8](repeating: 0xcc, count: 0x40)

  /// A bzImage of protocol 2.15 whose payload is not compressed: the ELF kernel and its relocation table.
  static func bzImage(payload: [UInt8] = elf + relocations) -> [UInt8] {
    var code = decompressor + payload
    while !code.count.isMultiple(of: 16) { code.append(0) }
    return BzImageBuilder(version: 0x20f, protectedMode: code)
      .payload(offset: UInt32(decompressor.count), length: UInt32(payload.count))
      .patch(0x234, [1])
      .patch(0x236, [1, 0])
      .build()
  }

  /// The first 64 bytes of an arm64 Image: its magic at 56 (Linux, Documentation/arch/arm64/booting.rst).
  static let arm64Image =
    [UInt8](repeating: 0, count: 56) + Array("ARM\u{64}".utf8) + [UInt8](repeating: 0, count: 68)
}
