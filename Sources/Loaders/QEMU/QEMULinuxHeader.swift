import Addresses
import KernelImage

/// The first 8 KiB of a Linux image, with what QEMU writes into them (QEMU 7.2, hw/i386/x86.c, x86_load_linux).
struct QEMULinuxHeader {
  private(set) var bytes: [UInt8]

  init(_ image: RawSpan) {
    bytes = [UInt8](repeating: 0, count: 8192)
    for index in 0..<min(8192, image.byteCount) { bytes[index] = image.load(UInt8.self, at: UInt64(index)) ?? 0 }
  }

  /// Writes a little-endian field that lies inside.
  mutating func store(_ value: some FixedWidthInteger & UnsignedInteger, at offset: Int) {
    for index in 0..<value.bitWidth / 8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  /// Everything but the initial RAM disk.
  mutating func patch(_ layout: QEMULinuxLayout, commandLine: String) throws(QEMUStop) {
    if layout.version >= 0x202 {
      store(UInt32(truncatingIfNeeded: layout.text), at: 0x228)
    } else {
      store(0xa33f as UInt16, at: 0x20)
      store(UInt16(truncatingIfNeeded: layout.text &- layout.setup), at: 0x22)
    }
    if let mode = try videoMode(commandLine) { store(UInt16(truncatingIfNeeded: mode), at: 0x1fa) }
    if layout.version >= 0x200 { store(0xb0 as UInt8, at: 0x210) }
    if layout.version >= 0x201 {
      // CAN_USE_HEAP.
      store(bytes[0x211] | 0x80, at: 0x211)
      store(UInt16(truncatingIfNeeded: layout.text &- layout.setup &- 0x200), at: 0x224)
    }
  }

  /// What the option ROM does to the setup in memory (pc-bios/optionrom/linuxboot_dma.c): it moves the initial RAM disk to
  /// the end of memory, as the firmware tells it, unless that ends on the page of initrd_addr_max; so the field is
  /// heeded where it is the last byte of a page below the end of memory, and not otherwise.
  mutating func finish(module: LoaderRequest.Module?, at address: inout UInt64, _ memory: QEMUMemory) {
    // Whether there is "HdrS" or not.
    if word(at: 0x206) & 0xffff < 0x203 { store(0x37ff_ffff as UInt32, at: 0x22c) }
    guard let module else { return }
    let page: UInt64 = 0xffff_f000
    let end = (address &+ module.size.value) & page
    let greatest = word(at: 0x22c) & page
    guard end != 0, greatest != 0, end != greatest else { return }
    address = QEMULinux.movedModulePlace(module, memory)
    store(UInt32(truncatingIfNeeded: address), at: 0x218)
  }

  /// The 32-bit word at an offset inside.
  private func word(at offset: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<4).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
    return value
  }

  /// What follows the first "vga=" in the command line, wherever that is.
  private func videoMode(_ commandLine: String) throws(QEMUStop) -> UInt64? {
    let text = Array(commandLine.utf8)
    let key = Array("vga=".utf8)
    guard text.count >= 4, let place = (0...text.count - 4).first(where: { Array(text[$0..<$0 + 4]) == key }) else {
      return nil
    }
    let value = text[(place + 4)...]
    if value.starts(with: "normal".utf8) { return 0xffff }
    if value.starts(with: "ext".utf8) { return 0xfffe }
    if value.starts(with: "ask".utf8) { return 0xfffd }
    if let number = Self.number(value) { return number }
    throw .refuses(
      "qemu: invalid 'vga=' kernel parameter.", "command line \"\(commandLine)\"",
      "vga= is normal, ext, ask or a number of 32 bits before a blank or the end", QEMULinux.source)
  }

  /// A number as strtol reads it, blanks before it, a sign, C's prefixes for base 16 and 8, ended by a blank or the text's
  /// end; from -2³¹ to 2³² - 1, modulo 2³² (util/cutils.c, qemu_strtoui).
  private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
    var digits = text.drop { $0 == 0x20 || (9...13).contains($0) }
    let isNegative = digits.first == 0x2d
    if isNegative || digits.first == 0x2b { digits = digits.dropFirst() }
    digits = digits.prefix { $0 != 0x20 }
    guard let first = digits.first, first != 0x2b, first != 0x2d else { return nil }
    var radix = first == 0x30 ? 8 : 10
    // Upper and lower case of x.
    if radix == 8, digits.dropFirst().first.map({ $0 | 0x20 == 0x78 }) ?? false {
      (digits, radix) = (digits.dropFirst(2), 16)
      if digits.first == 0x2b || digits.first == 0x2d { return nil }
    }
    guard let value = UInt64(String(decoding: digits, as: UTF8.self), radix: radix) else { return nil }
    guard value <= (isNegative ? 0x8000_0000 : 0xffff_ffff) else { return nil }
    return isNegative ? 0 &- value : value
  }
}
