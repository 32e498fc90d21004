import TestSupport

/// A Linux x86 image of any boot protocol, whole or cut short.
struct RandomLinux: Shrinkable, Sendable {
  var hasMagic: Bool
  var version: UInt16
  var setupSectors: UInt8
  var loadFlags: UInt8
  /// Each field is written at its offset also where the protocol does not have it yet.
  var initrdMax: UInt32
  var extendedLoadFlags: UInt16
  var heapEnd: UInt16
  var payloadCount: Int
  /// How much of the file is there.
  var length: Int?

  init(using generator: inout SeededGenerator) {
    hasMagic = !generator.oneIn(15)
    version = UInt16(generator.draw(0x1ff...0x20f))
    setupSectors = generator.oneIn(3) ? UInt8(generator.draw(0...255)) : generator.pick([0, 1, 4, 15, 16, 40])
    loadFlags = generator.pick([0, 1, 1, 0x81, 0xff, 0x20])
    initrdMax = generator.pick([0, 0x1000, 0x11_0000, 0x200_0000, 0x2ff_ffff, 0x37ff_ffff, 0x7fff_ffff, 0xffff_ffff])
    extendedLoadFlags = generator.pick([0, 1, 2, 3, 0x7f])
    heapEnd = UInt16(generator.draw(0...0xffff))
    payloadCount = Int(generator.oneIn(8) ? generator.draw(0...0x9_0000) : generator.draw(0...9000))
    length = generator.oneIn(8) ? Int(generator.draw(1...UInt64(512 + payloadCount))) : nil
  }

  var bytes: [UInt8] {
    let payload = (0..<payloadCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    let file = BzImageBuilder(
      version: version, setupSectors: setupSectors, loadFlags: loadFlags, protectedMode: payload
    )
    .patch(0x22c, Self.little(initrdMax)).patch(0x236, Self.little(extendedLoadFlags))
    .patch(0x224, Self.little(heapEnd)).patch(0x202, hasMagic ? Array("HdrS".utf8) : [0, 0, 0, 0]).build()
    return Array(file.prefix(length ?? file.count))
  }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  var smaller: [RandomLinux] {
    var cases: [RandomLinux] = []
    if length != nil {
      cases.append(self)
      cases[0].length = nil
    }
    if payloadCount > 16 {
      cases.append(self)
      cases[cases.count - 1].payloadCount = 16
    }
    if setupSectors != 4 {
      cases.append(self)
      cases[cases.count - 1].setupSectors = 4
    }
    return cases
  }

  var description: String {
    "\(hasMagic ? "HdrS" : "no HdrS"), protocol 0x\(String(version, radix: 16)), setup_sects \(setupSectors), "
      + "loadflags 0x\(String(loadFlags, radix: 16)), initrd_addr_max \(UInt64(initrdMax).swiftText), "
      + "xloadflags 0x\(String(extendedLoadFlags, radix: 16)), heap_end_ptr 0x\(String(heapEnd, radix: 16)), "
      + "payload of \(payloadCount)\(length.map { ", cut after \($0)" } ?? "")"
  }
}
