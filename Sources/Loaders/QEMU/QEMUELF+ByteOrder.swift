import KernelImage

extension QEMUELF {
  /// Reads a file of either byte order, as QEMU does for ARM (QEMU 7.2, hw/arm/boot.c, arm_load_elf). The fields are what
  /// the byte order is for: segments are placed as they are.
  init(bigOrLittle bytes: RawSpan, machines: [UInt64]) {
    guard LenientELF(bytes).data == 2 else {
      self.init(bytes, machines: machines)
      return
    }
    let swapped = Self.swapped(bytes)
    self = swapped.withRawSpan { QEMUELF($0, machines: machines) }
  }

  /// A copy whose ELF header and program headers are little-endian.
  private static func swapped(_ bytes: RawSpan) -> [UInt8] {
    var copy = [UInt8]()
    copy.reserveCapacity(bytes.byteCount)
    for index in 0..<bytes.byteCount { copy.append(bytes.load(UInt8.self, at: UInt64(index)) ?? 0) }
    guard copy.count > 5 else { return copy }
    let is64 = copy[4] == 2
    copy[5] = 1
    let address = is64 ? 8 : 4
    // e_type to e_shstrndx.
    swap([2, 2, 4, address, address, address, 4, 2, 2, 2, 2, 2, 2], at: 16, in: &copy)
    let header = copy.withRawSpan { LenientELF($0) }
    guard let table = header.programHeaderOffset, let count = header.programHeaderCount else { return copy }
    let widths = is64 ? [4, 4, 8, 8, 8, 8, 8, 8] : [4, 4, 4, 4, 4, 4, 4, 4]
    for index in 0..<count {
      let offset = table &+ index &* header.programHeaderSize
      guard offset < UInt64(copy.count) else { break }
      swap(widths, at: Int(offset), in: &copy)
    }
    return copy
  }

  /// Reverses fields of these widths, one behind the other, as far as the bytes go.
  private static func swap(_ widths: [Int], at start: Int, in bytes: inout [UInt8]) {
    var offset = start
    for width in widths {
      guard width <= bytes.count - offset else { return }
      for index in 0..<width / 2 { bytes.swapAt(offset + index, offset + width - 1 - index) }
      offset += width
    }
  }
}
