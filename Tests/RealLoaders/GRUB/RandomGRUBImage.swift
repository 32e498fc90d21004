import BootProtocols
import TestSupport

/// Kernels of every kind that GRUB survives: never more bytes in the file than in memory, never sections aligned to 0.
extension GRUBImage: Shrinkable {
  static func random(version: Int, _ generator: inout SeededGenerator) -> GRUBImage {
    var image = GRUBImage(version: version, is64: generator.oneIn(2))
    image.machine = image.is64 ? 62 : 3
    image.type = generator.draw(2...3)
    // The last ones leave just room for all that a header may hold.
    image.headerOffset = generator.pick(version == 1 ? [0x400, 0x408, 0xff0, 0x1fd0] : [0x400, 0x408, 0x1000, 0x7f80])
    let count = generator.draw(1...4)
    for index in 0..<count { image.segments.append(randomSegment(&generator, index, is64: image.is64)) }
    image.entry = image.segments[0].virtual
    for _ in 0..<(generator.pick([0, 0, 1, 3]) as Int) {
      image.sections.append(
        Section(
          type: generator.pick([1, 2, 3]), address: generator.oneIn(4) ? 0x1000 : 0, size: generator.draw(0...0x2000),
          alignment: generator.pick([1, 4, 16, 0x1000])))
    }
    for _ in 0..<(generator.pick([0, 1, 2]) as Int) { image.modules.append(generator.draw(0...0x3000)) }
    if generator.oneIn(3) { image.commandLine = generator.pick(["a", "quiet console=ttyS0", "x y z"]) }
    image.addTags(&generator)
    image.addAddressFields(&generator)
    if generator.oneIn(3) { image.breakSomething(&generator) }
    return image
  }

  private static func randomSegment(_ generator: inout SeededGenerator, _ index: UInt64, is64: Bool) -> Segment {
    // Apart from each other by at least 16 MiB; now and then low, where GRUB itself and the BIOS are.
    var physical = 0x20_0000 + index * 0x100_0000 + generator.pick([0, 0x10, 0x1000, 0x1_2345]) as UInt64
    if generator.oneIn(6) {
      physical = generator.pick([0x1000, 0x7c00, 0x1_0000, 0x2_0000, 0x10_0000]) + index * 0x1_0000
    }
    if index > 0, generator.oneIn(6) {
      physical = generator.pick([0x1000_0000, 0x4000_0000, 0xf000_0000]) + index * 0x1_0000
    }
    let fileSize = index == 0 ? 0x40 : generator.pick([0, 1, 0x40, 0x1001]) as UInt64
    let gap: UInt64 = is64 ? 0xffff_ffff_8000_0000 : 0xc000_0000
    let rest: UInt64 = generator.pick([0, 1, 0x1000, 0x3_0000])
    return Segment(
      type: index > 0 && generator.oneIn(6) ? 4 : 1,
      virtual: generator.oneIn(2) ? physical : physical &+ gap & (is64 ? .max : 0xffff_ffff),
      physical: physical, fileSize: fileSize, memorySize: fileSize + rest)
  }

  private mutating func addTags(_ generator: inout SeededGenerator) {
    guard version == 2 else {
      // Bits 0 and 1, and now and then what a loader need not know.
      flags = UInt32(generator.draw(0...3)) | (generator.oneIn(4) ? 0xff00_0000 : 0)
      return
    }
    if generator.oneIn(3) { tags.append([1, 16, UInt32(generator.draw(1...12)), 21]) }
    if generator.oneIn(4) { tags.append([0x1_0020, 8 + 4, 7]) }
    if generator.oneIn(6) { tags.append([6, 8]) }
    guard generator.oneIn(3) else { return }
    // Between the highest place and GRUB's own memory lies less than 2 MiB: larger steps make it certain.
    tags.append([
      10, 24, generator.pick([0x10_0000, 0x100_0000]), 0x3fff_ffff, 0x20_0000, UInt32(generator.draw(0...2)),
    ])
  }

  /// The kernel as GRUB loads it without ELF: the probe behind the header is the entry.
  private mutating func addAddressFields(_ generator: inout SeededGenerator) {
    guard generator.oneIn(5) else { return }
    let load: UInt32 = generator.pick([0x8000, 0x10_0000, 0x80_0000])
    let skipped = UInt32(generator.pick([0, 0x10, headerOffset]) as UInt64)
    let header = load + UInt32(headerOffset) - skipped
    let loadEnd = generator.oneIn(2) ? 0 : load + UInt32(probeOffset) + 64 - skipped
    let size = UInt32(build().count) + 0x100
    let bssEnd = generator.oneIn(2) ? 0 : load + size + UInt32(generator.draw(0...0x1000))
    let entry = load + UInt32(probeOffset) - skipped
    if version == 1 {
      flags |= 0x1_0000
      headerWords = [header, load, loadEnd, bssEnd, entry]
    } else {
      tags.append([2, 24, header, load, loadEnd, bssEnd])
      tags.append([3, 12, entry])
    }
  }

  private mutating func breakSomething(_ generator: inout SeededGenerator) {
    switch generator.draw(0...11) {
    case 0: machine = generator.pick([3, 62, 183])
    case 1: type = generator.pick([0, 1, 4])
    case 2: elfVersion = 0
    case 3: entry = generator.pick([0, 0xffff_0000, 0x20_0000])
    case 4: segments.append(segments[0])
    case 5: segments[0].memorySize = generator.pick([0x2000_0000, 0xf000_0000, 0xffff_ffff])
    case 6: segments[0].physical = generator.pick([0xffff_fff0, 0xffff_ffff])
    case 7: segments[0].offset = generator.pick([0x10_0000, 0xffff_ff00])
    case 8: headerOffset = generator.pick(version == 1 ? [0x402, 0x1ff0, 0x2000] : [0x404, 0x7fe8, 0x8000])
    case 9: version == 1 ? (flags = generator.pick([8, 0x8000, 0x10])) : tags.append([20, 8])
    case 10: version == 1 ? (flags |= 0x10) : tags.append([1, 12, 22])
    default: version == 1 ? (type = 5) : tags.append([4, 12, 1])
    }
  }

  public var smaller: [GRUBImage] {
    var all: [GRUBImage] = []
    func without(_ change: (inout GRUBImage) -> Void) {
      var copy = self
      change(&copy)
      all.append(copy)
    }
    for index in segments.indices.dropFirst() { without { $0.segments.remove(at: index) } }
    for index in sections.indices { without { $0.sections.remove(at: index) } }
    for index in modules.indices { without { $0.modules.remove(at: index) } }
    for index in tags.indices { without { $0.tags.remove(at: index) } }
    if !commandLine.isEmpty { without { $0.commandLine = "" } }
    return all
  }

  public var description: String {
    if let file { return "GRUBImage(version: \(version), memory: \(memory), file: \(file.count) bytes)" }
    return
      "GRUBImage(version: \(version), is64: \(is64), machine: \(machine), type: \(type), elfVersion: \(elfVersion), "
      + "entry: \(entry.swiftText), segments: \(segments), sections: \(sections), headerOffset: \(headerOffset), "
      + "flags: \(flags), headerWords: \(headerWords), tags: \(tags), modules: \(modules), "
      + "commandLine: \"\(commandLine)\", memory: \(memory))"
  }
}
