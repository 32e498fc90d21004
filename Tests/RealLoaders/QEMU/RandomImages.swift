import TestSupport

/// A raw AArch64 image, its header's fields sensible or not (Linux, Documentation/arch/arm64/booting.rst).
struct RandomImage: Shrinkable, Sendable {
  var hasMagic: Bool
  var textOffset: UInt64
  var imageSize: UInt64
  var count: Int

  init(using generator: inout SeededGenerator) {
    hasMagic = !generator.oneIn(5)
    textOffset = generator.pick([0, 0x80, 0xfff, 0x1000, 0x8_0000, 0x20_0000, 0x12_3450, 0x300_0000])
    imageSize = generator.pick([0, 0x1000, 0x1_0000, 0x40_0000, 0x280_0000, 0x500_0000, 1 << 63])
    count = Int(generator.draw(64...9000))
  }

  var bytes: [UInt8] {
    var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ 5) }
    for shift in 0..<8 {
      bytes[8 + shift] = UInt8(truncatingIfNeeded: textOffset >> (8 * UInt64(shift)))
      bytes[16 + shift] = UInt8(truncatingIfNeeded: imageSize >> (8 * UInt64(shift)))
    }
    bytes.replaceSubrange(56..<60, with: hasMagic ? Array("ARM\u{64}".utf8) : [0, 0, 0, 0])
    return bytes
  }

  var smaller: [RandomImage] {
    guard count > 64 else { return [] }
    var copy = self
    copy.count = 64
    return [copy]
  }

  var description: String {
    "magic \(hasMagic), text_offset \(textOffset.swiftText), image_size \(imageSize.swiftText), \(count) bytes"
  }
}

/// A Multiboot header with address fields, right or a little wrong.
struct RandomFields: Shrinkable, Sendable {
  var offset: Int
  var load: UInt64
  var loadEnd: UInt64
  var bssEnd: UInt64
  var header: UInt64
  var entry: UInt64
  var count: Int

  init(using generator: inout SeededGenerator) {
    offset = Int(generator.draw(0...40)) * 4
    count = Int(generator.draw(300...9000))
    load = 0x20_0000 + generator.draw(0...0x2000)
    header = generator.oneIn(8) ? load - 4 : load + generator.draw(0...UInt64(generator.oneIn(8) ? offset + 4 : offset))
    loadEnd = generator.oneIn(2) ? 0 : generator.oneIn(8) ? load - 1 : load + generator.draw(48...9000)
    bssEnd = generator.oneIn(2) ? 0 : load + generator.draw(0...0x4000)
    entry = load + generator.draw(0...250)
  }

  var bytes: [UInt8] {
    var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ 3) }
    let words: [UInt64] = [0x1bad_b002, 0x1_0000, 0 &- 0x1bae_b002, header, load, loadEnd, bssEnd, entry]
    for (index, word) in words.enumerated() {
      for shift in 0..<4 {
        bytes[offset + index * 4 + shift] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift)))
      }
    }
    return bytes
  }

  var smaller: [RandomFields] {
    guard bssEnd != 0 else { return [] }
    var copy = self
    copy.bssEnd = 0
    return [copy]
  }

  var description: String {
    "header at \(offset) of \(count), header_addr \(header.swiftText), load_addr \(load.swiftText), "
      + "load_end_addr \(loadEnd.swiftText), bss_end_addr \(bssEnd.swiftText), entry_addr \(entry.swiftText)"
  }
}
