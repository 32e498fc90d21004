import Addresses
import KernelImage
import Machines
import TestSupport

/// Guests of a few dozen bytes, entered through a PVH note in 32-bit protected mode.
enum TinyGuest {
  static let entry: UInt64 = 0x10_0000

  /// Prints `text` on the first serial port and halts with interrupts off.
  ///
  ///     be 00 01 10 00   mov esi, 0x100100
  ///     ba f8 03 00 00   mov edx, 0x3f8
  ///     ac               lodsb
  ///     84 c0            test al, al
  ///     74 03            jz +3
  ///     ee               out dx, al
  ///     eb f8            jmp -8
  ///     fa f4 eb fc      cli; hlt; jmp -4
  static func printing(_ text: String) -> [UInt8] {
    let code: [UInt8] = [
      0xbe, 0x00, 0x01, 0x10, 0x00, 0xba, 0xf8, 0x03, 0x00, 0x00, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xfa,
      0xf4, 0xeb, 0xfc,
    ]
    return elf(code + [UInt8](repeating: 0, count: 0x100 - code.count) + Array(text.utf8) + [0])
  }

  /// Resets the machine through port 0xcf9: `mov dx, 0xcf9` (66 ba f9 0c), `mov al, 6` (b0 06), `out dx, al` (ee),
  /// `jmp $`.
  static var resetting: [UInt8] { elf([0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xeb, 0xfe]) }

  /// `jmp $`.
  static var looping: [UInt8] { elf([0xeb, 0xfe]) }

  private static func elf(_ bytes: [UInt8]) -> [UInt8] {
    ELFBuilder(entry: entry)
      .segment(flags: [.read, .write, .execute], virtual: entry, bytes: bytes)
      // XEN_ELFNOTE_PHYS32_ENTRY.
      .note(owner: "Xen", type: 18, descriptor: [0x00, 0x00, 0x10, 0x00])
      .build()
  }
}

/// A machine for a test: 64 MiB, translated, within 30 seconds.
func configuration(_ image: [UInt8], seconds: Int = 30) throws -> QEMUConfiguration {
  let file = try AnonymousFile(label: "guest", size: ByteCount(UInt64(image.count)))
  file.withMutableBytes { span in
    for (offset, byte) in image.enumerated() { span.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self) }
  }
  return QEMUConfiguration(
    kernel: .file(file), memory: .mebibytes(64), accelerator: .tcg, timeLimit: .seconds(seconds))
}
