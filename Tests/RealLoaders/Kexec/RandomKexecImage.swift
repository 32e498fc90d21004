import BootProtocols
import Loaders
import TestSupport

extension KexecImage {
  static func random(_ generator: inout SeededGenerator) -> KexecImage {
    let content: Content =
      switch generator.draw(1...20) {
      case 1...14: .elf(.random(&generator))
      case 15...18: .bzImage(randomBzImage(&generator))
      case 19: .bytes("address fields", randomAddressFields(&generator))
      default: .bytes("noise", (0..<generator.draw(0...3000)).map { _ in UInt8(generator.draw(0...255)) })
      }
    var image = KexecImage(content, arguments: generator.pick([.elf, .elf, .linux, .none]))
    if generator.oneIn(3) { image.commandLine = generator.pick(["a", "quiet console=ttyS0", "x y z"]) }
    for _ in 0..<(generator.pick([0, 0, 0, 1, 2]) as Int) {
      image.modules.append(generator.oneIn(12) ? 0 : generator.draw(1...0x3000))
    }
    image.takeHalfOfMemory(&generator)
    return image
  }

  /// 47 to 51 % of the guest's 1536 MiB: the kernel decides. What it takes takes longer than a guest is given, for 45
  /// %.
  private mutating func takeHalfOfMemory(_ generator: inout SeededGenerator) {
    guard case .elf(var elf) = content, !elf.segments.isEmpty, generator.oneIn(40) else { return }
    elf.segments[0].memorySize = 0x2d20_0000 + generator.draw(0...0x40) * 0x10_0000
    content = .elf(elf)
    // Without purgatory, since the sum over so many bytes takes longer than a guest is given.
    arguments = .none
  }

  private static func randomBzImage(_ generator: inout SeededGenerator) -> BzImageBuilder {
    let code = [UInt8](repeating: 0x90, count: Int(generator.pick([0, 1, 0x1000, 0x4321] as [UInt64])))
    var image = BzImageBuilder(
      version: generator.pick([0x1ff, 0x200, 0x202, 0x203, 0x204, 0x205, 0x206, 0x20b, 0x20c, 0x20f]),
      setupSectors: generator.pick([0, 1, 4, 15, 64]), loadFlags: generator.oneIn(8) ? 0 : 1, protectedMode: code)
    func put(_ offset: Int, _ value: UInt64, _ width: Int) {
      image = image.patch(offset, (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) })
    }
    put(0x22c, generator.pick([0x37ff_ffff, 0x7fff_ffff, 0x1ff_ffff, 0]), 4)
    put(0x230, generator.pick([0x20_0000, 0x1000, 0x100, 0x100_0000, 0]), 4)
    put(0x234, generator.draw(0...1), 1)
    put(0x236, generator.pick([0, 1, 2, 3, 0x7f]), 2)
    put(0x238, generator.pick([0x7ff, 2047, 3, 0]), 4)
    put(0x258, generator.pick([0x100_0000, 0, 0x4000_0000]), 8)
    put(0x260, generator.pick([0x30_0000, 0x1000, 1, 0, 0x500_0000, 0x7000_0000, 0xffff_f001]), 4)
    put(0x201, generator.pick([0x66, 0x62, 0x3a, 0x6a, 0xff, 0x10]), 1)
    switch generator.draw(1...16) {
    case 1: put(0x202, 0, 4)
    case 2: put(0x1fe, 0, 2)
    case 3: image.setupSectors = 1
    default: break
    }
    return image
  }

  /// A Multiboot kernel without ELF.
  private static func randomAddressFields(_ generator: inout SeededGenerator) -> [UInt8] {
    let offset = Int(generator.pick([0, 4, 0x40, 0x1000, 8160] as [UInt64]))
    let size: UInt32 = 0x3000
    let load: UInt32 = generator.pick([0x10_0000, 0x20_0000, 0x20_0800, 0x9_e000, 0x5000_0000])
    let header = load + UInt32(offset) - generator.pick([0, 0, 0, 4]) as UInt32
    let end = load &+ (generator.pick([size, size, 0x2000, 0x1000, size + 1]) as UInt32)
    let bssEnd = generator.oneIn(6) ? 0 : end + (generator.pick([0, 1, 0x8000]) as UInt32)
    let entry: UInt32 = generator.pick([load, load, load + 0x40, end, 0])
    let flags = 0x1_0000 | UInt32(generator.draw(0...7)) | (generator.oneIn(8) ? 8 : 0)
    let words = MultibootHeader.first(flags: flags, addresses: [header, load, end, bssEnd, entry]).bytes
    var bytes = [UInt8](repeating: 0x90, count: Int(size))
    bytes.replaceSubrange(offset..<offset + words.count, with: words)
    return bytes
  }
}

extension KexecELFImage {
  static func random(_ generator: inout SeededGenerator) -> KexecELFImage {
    var image = KexecELFImage(is64: generator.oneIn(2), isBigEndian: generator.oneIn(12))
    image.machine = generator.pick([62, 62, 3, 3, 6, 183])
    image.type = generator.pick([2, 2, 2, 3, 3, 4, 1])
    image.entry = generator.pick([0x20_0000, 0, 0x1234, 0xffff_ffff_8000_0000, 0x9000_0000])
    let count: UInt64 = generator.oneIn(15) ? generator.draw(14...19) : generator.draw(0...4)
    for index in 0..<count { image.segments.append(.random(&generator, index, is64: image.is64)) }
    if generator.oneIn(3) { image.addHeader(&generator) }
    if generator.oneIn(6) {
      image.notes = generator.pick([
        [4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x58, 0x65, 0x6e, 0], [], [1, 2, 3],
        [0xff, 0, 0, 0] + [UInt8](repeating: 0, count: 12),
        [0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 20),
      ])
    }
    if generator.oneIn(4) { image.breakSomething(&generator) }
    return image
  }

  private mutating func addHeader(_ generator: inout SeededGenerator) {
    headerOffset = generator.pick([0x800, 0x804, 0x1ff0, 0x2000, 0x7ff0, 0x8000])
    guard generator.oneIn(2) else {
      multiboot = .first(flags: UInt32(generator.draw(0...7)) | (generator.oneIn(6) ? 0x20 : 0), addresses: [])
      return
    }
    var tags: [[UInt32]] = []
    if generator.oneIn(2) {
      tags.append([
        10, 24, generator.pick([0, 0x10_0000, 0x100_0000, 0x6000_0000]),
        generator.pick([0x5fff_ffff, 0x30_0000, 0xffff_ffff]),
        generator.pick([0x1000, 0x20_0000, 0, 0x10]), 0,
      ])
    }
    if generator.oneIn(3) { tags.append([5, 20, 0, 0, 0]) }
    if generator.oneIn(4) { tags.append([2, 24, 0, 0, 0, 0]) }
    if generator.oneIn(6) { tags.append([generator.pick([32, 0x1_0020]), 12, 7]) }
    if generator.oneIn(25) { tags.append([1, generator.pick([0, 0xffff_fffc])]) }
    multiboot = .second(tags: tags)
  }

  private mutating func breakSomething(_ generator: inout SeededGenerator) {
    switch generator.draw(0...15) {
    case 0: entrySize = 57
    case 1: headerSize = 63
    case 2: identVersion = 0
    case 3: version = 2
    case 4: fileClass = 3
    case 5: data = 3
    case 6: tableOffset = generator.pick([0, 0x10_0000])
    case 7: cut = Int(generator.draw(1...200))
    case 8: segments.append(Segment(type: 3, physical: 0, fileSize: 1, memorySize: 1))
    case 9: (sectionCount, sectionEntrySize) = (1, 63)
    case 10: (sectionCount, sectionOffset) = (1, generator.pick([0, 0xff_0000]))
    case 11 where !segments.isEmpty: segments[0].offset = 0xff_0000
    case 12 where !segments.isEmpty: (segments[0].physical, segments[0].memorySize) = (.max, 0x1000)
    case 13 where !segments.isEmpty: (segments[0].physical, segments[0].memorySize) = (.max - 0xfff, 0x2000)
    case 14 where !segments.isEmpty: segments.append(segments[0])
    case 15 where !segments.isEmpty:
      segments[0].memorySize = generator.pick([0x6000_0000, .max, .max - 0x20_0000])
    default: break
    }
  }
}

extension KexecELFImage.Segment {
  static func random(_ generator: inout SeededGenerator, _ index: UInt64, is64: Bool) -> KexecELFImage.Segment {
    var physical = 0x20_0000 + index * 0x10_0000
    switch generator.draw(1...12) {
    case 1: physical = generator.pick([0x20_1000, 0x20_0000, 0x20_2000])
    case 2: physical = generator.pick([0, 0x1000, 0x9_e000, 0x9_f000, 0xa_0000, 0xf_f000, 0x10_0000])
    case 3: physical = generator.pick([0x20_0123, 0x20_0800, 0x20_0001])
    case 4: physical = generator.pick([0x4ffd_f000, 0x4ffe_0000, 0x5000_0000, 0xffff_f000])
    case 5 where is64: physical = generator.pick([0x1_0000_0000, 0x1_0fff_f000, 0x1_1000_0000])
    case 6: physical += 0x4000_0000
    default: break
    }
    let fileSize: UInt64 = generator.pick([0, 1, 0x40, 0x1000, 0x1001])
    let memorySize =
      generator.oneIn(6) ? generator.pick([0, 0x10, 0x1000]) : fileSize + generator.pick([0, 1, 0x1000, 0x3_0000])
    return KexecELFImage.Segment(
      type: generator.oneIn(10) ? generator.pick([0, 2, 6]) : 1, physical: physical, fileSize: fileSize,
      memorySize: memorySize, alignment: generator.pick([0, 0x1000, 0x20_0000, 0x10, 3]))
  }
}
