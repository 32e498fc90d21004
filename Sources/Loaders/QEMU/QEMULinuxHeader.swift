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
    // Seen with 7.2: initrd_addr_max of a protocol that has none yet is written too.
    if layout.version < 0x203 { store(0x37ff_ffff as UInt32, at: 0x22c) }
    if let mode = try videoMode(commandLine) { store(UInt16(truncatingIfNeeded: mode), at: 0x1fa) }
    if layout.version >= 0x200 { store(0xb0 as UInt8, at: 0x210) }
    if layout.version >= 0x201 {
      // CAN_USE_HEAP.
      store(bytes[0x211] | 0x80, at: 0x211)
      store(UInt16(truncatingIfNeeded: layout.text &- layout.setup &- 0x200), at: 0x224)
    }
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

  /// A number with C's prefixes for base 16 and 8, ended by a blank or the text's end.
  private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
    let digits = Array(text.prefix { $0 != 0x20 })
    guard let first = digits.first, first != 0x2b, first != 0x2d else { return nil }
    let word = String(decoding: digits, as: UTF8.self)
    if word.hasPrefix("0x") || word.hasPrefix("0X") { return UInt32(word.dropFirst(2), radix: 16).map { UInt64($0) } }
    return UInt32(word, radix: first == 0x30 ? 8 : 10).map { UInt64($0) }
  }
}
