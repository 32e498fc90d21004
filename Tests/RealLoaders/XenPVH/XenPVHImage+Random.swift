import TestSupport

extension XenPVHImage {
  /// Where segments are put: low memory, the first megabytes, the end of memory.
  private static let places: [UInt64] = [
    0x1000, 0x1_2345, 0x3_0000, 0x10_0000, 0x20_0010, 0xa0_0000, 0x200_0fff, 0x800_0000, 0xff0_0000, 0x1006_0000,
  ]
  /// Where the domain has no memory, or where it ends in the midst of a segment.
  private static let badPlaces: [UInt64] = [
    0x9_efff, 0xa_0000, 0xf_0000, 0x1006_0ff8, 0x1006_1000, 0x4020_0000, 0xfee0_0000, 0xffff_f000,
  ]

  /// An image that Xen takes, or one with a fault in it.
  init(drawing random: inout SeededGenerator) {
    is64 = random.oneIn(3) == false
    machine = is64 ? 62 : 3
    for _ in 0..<random.draw(0...3) { segments.append(Self.segment(&random)) }
    if !segments.isEmpty, random.oneIn(3) {
      // Over the last one, and in either order.
      var other = segments[segments.count - 1]
      other.physical += random.pick([0, 1, 0x40, 0x1000])
      other.fileSize = random.pick([0, 0x10, 0x123])
      other.memorySize = other.fileSize + random.pick([0, 0x10, 0x2000])
      segments.insert(other, at: Int(random.draw(0...UInt64(segments.count))))
    }
    let home: UInt64 = random.pick([0x100_0000, 0x100_0123, 0x4_0000, 0x1000_0000])
    let probe = Segment(
      physical: home, fileSize: random.pick([0x800, 0x1001, 0x3000]),
      memorySize: 0x3000 + random.pick([0, 1, 0x2_0000]))
    segments.insert(probe, at: Int(random.draw(0...UInt64(segments.count))))
    entry = home + random.pick([0, 0x10, 0x1ff])
    fileEntry = random.pick([0, entry, 0xffff_0000])
    addNotes(&random)
    if random.oneIn(2) {
      initrd = random.pick([0, 1, 7, 0xefc, 0xff9, 0x1000, 0x1001, 0x1_2345])
      if random.oneIn(3) { initrdArguments = String(repeating: "m", count: Int(random.draw(1...200))) }
    }
    if random.oneIn(2) { commandLine = String(repeating: "c", count: Int(random.pick([1, 3, 7, 8, 200, 1100]))) }
    isBigEndian = random.oneIn(12)
    if random.oneIn(3) { breakSomething(&random) }
  }

  private static func segment(_ random: inout SeededGenerator) -> Segment {
    let size: UInt64 = random.pick([0, 1, 0x40, 0x1001, 0x2fff])
    return Segment(
      physical: random.pick(places), fileSize: size, memorySize: size + random.pick([0, 0, 1, 0x1000, 0x4321]),
      flags: random.pick([7, 7, 7, 5, 4, 1, 0]))
  }

  static func words(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) : 0 }
  }

  private mutating func addNotes(_ random: inout SeededGenerator) {
    let size = random.pick([4, 4, 4, 8])
    notes = [Note(type: 18, bytes: Self.words(entry, size))]
    // Xen 4.17 does not know PHYS32_RELOC: alignment, least and greatest address.
    if random.oneIn(4) {
      notes.append(Note(type: 19, bytes: Self.words(0x20_0000, 4) + Self.words(0, 4) + Self.words(0x4000_0000, 4)))
    }
    if random.oneIn(4) { notes.insert(Note(type: 18, bytes: Self.words(0x123, 4)), at: 0) }
    if random.oneIn(4) { notes.append(Note(owner: "GNU", type: 18, bytes: Self.words(0x123, 4))) }
    if random.oneIn(4) { notes.insert(Note(type: 3, bytes: Self.words(0xffff_ffff_8000_0000, 8)), at: 0) }
    if random.oneIn(4) { notes.append(Note(type: 1, bytes: Self.words(0xffff_ffff_8000_1000, 8))) }
    if random.oneIn(6) { notes.append(Note(type: 17, bytes: Self.words(0, 4))) }
    if random.oneIn(6) { notes.append(Note(type: 11, bytes: Array("yes\0".utf8))) }
    hasNoteSection = random.oneIn(4)
    if random.oneIn(8) { guestText = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x0" }
  }

  private mutating func breakSomething(_ random: inout SeededGenerator) {
    switch random.draw(0...13) {
    case 0: notes.removeAll { $0.type == 18 && $0.owner == "Xen" }
    case 1: notes.append(Note(type: 18, bytes: Self.words(0xffff_ffff, 4)))
    case 2: notes.append(Note(type: 18, bytes: Self.words(entry, Int(random.pick([0, 1, 2, 3, 12])))))
    case 3: notes.append(Note(type: 18, bytes: Self.words(segments.map { $0.physical + $0.memorySize }.max() ?? 0, 4)))
    case 4: notes.append(Note(type: 18, bytes: Self.words((segments.map(\.physical).min() ?? 1) &- 1, 4)))
    case 5: notes.append(Note(type: 4, bytes: Self.words(random.pick([0, 0x1000]), 8)))
    case 6: notes.append(Note(type: 10, bytes: Array(random.pick(["!dom0\0", "!nothing\0", "a|b\0"]).utf8)))
    case 7: notes.append(Note(type: 15, bytes: Self.words(segments[0].physical, 8)))
    case 8: segments.append(Segment(physical: random.pick(Self.badPlaces), fileSize: 0x20, memorySize: 0x40))
    case 9: segments.append(Segment(physical: random.pick(Self.badPlaces), fileSize: 0, memorySize: 0))
    case 10: segments[0].memorySize = random.pick(is64 ? [0x1_0000_0000, 0x1_0000_1000, .max] : [0, 0xf000_0000])
    case 11: machine = random.pick([183, 40, 0])
    case 12: byteOrder = random.pick([0, 2])
    default: notes = random.oneIn(2) ? [] : [Note(owner: "GNU", type: 3, bytes: [1])]
    }
  }
}
