import BootProtocols
import TestSupport

extension XenPVImage {
  /// Types of the notes that are drawn (xen/include/public/elfnote.h).
  enum NoteType {
    static let entry: UInt32 = 1, hypercallPage: UInt32 = 2, virtualBase: UInt32 = 3, offset: UInt32 = 4
    static let version: UInt32 = 5, guestOS: UInt32 = 6, loader: UInt32 = 8, pae: UInt32 = 9, features: UInt32 = 10
    static let symbols: UInt32 = 11, start: UInt32 = 12, list: UInt32 = 15, frame: UInt32 = 16, supported: UInt32 = 17
  }

  /// What an image asks for, before it is written as text or as notes.
  private struct Wishes {
    var base: UInt64?
    var offset: UInt64?
    var list: (UInt32, UInt64)?
    var hasNotes = false

    /// What is added to p_paddr, modulo 2⁶⁴.
    var shift: UInt64 {
      let start = base ?? 0
      return start &- (offset ?? (hasNotes ? 0 : start))
    }
  }

  init(using random: inout SeededGenerator) {
    is64 = !random.oneIn(8)
    machine = random.oneIn(30) ? random.pick([3, 62, 183, 40]) : is64 ? 62 : 3
    var wishes = Wishes()
    let high: UInt64 = is64 ? 0xffff_ffff_8000_0000 : 0xc000_0000
    wishes.base = random.oneIn(10) ? nil : random.pick([0x4000_0000, 0x4000_0000, 0, high, 0x4012_3000])
    if is64, random.oneIn(15) { wishes.base = random.pick([0xffff_8100_0000_0000, 0x8000_0000_0000, 0x4000_0123]) }
    wishes.hasNotes = !random.oneIn(3)
    if !random.oneIn(3) { wishes.offset = random.pick([wishes.base ?? 0, 0, 0x10_0000]) }
    if wishes.base == nil, !random.oneIn(4) { wishes.offset = nil }
    drawSegments(low: (wishes.base ?? 0) &- wishes.shift, &random)
    drawEntry(wishes, &random)
    drawWishes(wishes, &random)
    drawTables(&random)
    initrdSize = random.oneIn(2) ? nil : Int(random.draw(1...0x5000))
    if !is64 { mask() }
  }

  /// - Parameter low: the p_paddr of the base.
  private mutating func drawSegments(low: UInt64, _ random: inout SeededGenerator) {
    for _ in 0..<random.draw(1...4) {
      let count = random.oneIn(6) ? 0 : Int(random.draw(1...0x3000))
      let extra = random.oneIn(2) ? 0 : random.draw(0...0x1_0000)
      let place = random.pick([0x1000, 0x8000, 0x80_0000] as [UInt64])
      var segment = Segment(
        physical: low &+ random.draw(0...place), count: count, memory: UInt64(count) + extra,
        flags: random.pick([7, 7, 7, 6, 5, 4, 2, 1]))
      if random.oneIn(25) { segment.flags = random.pick([0, 8, 0xffff_fff8]) }
      if random.oneIn(40) { segment.memory = UInt64(count) / 2 }
      if random.oneIn(40) { segment.physical = low &- 0x1000 }
      if random.oneIn(40) { segment.physical = 0xffff_ffff_ffff_f000 }
      if random.oneIn(40) { (segment.count, segment.memory) = (0, 0) }
      segments.append(segment)
    }
    if random.oneIn(15), let first = segments.first { segments += [first, first] }
  }

  private mutating func drawEntry(_ wishes: Wishes, _ random: inout SeededGenerator) {
    let home = random.pick(segments)
    code = home.physical &+ (home.count < 8 ? 0 : random.draw(0...UInt64(home.count - 4)))
    entry = code &+ wishes.shift
    if random.oneIn(15) {
      let end = segments.map { $0.physical &+ $0.memory }.max() ?? 0
      entry = (end &+ wishes.shift) &+ random.draw(0...1)
    }
  }

  private mutating func drawWishes(_ wishes: Wishes, _ random: inout SeededGenerator) {
    let isLegacy = !wishes.hasNotes
    let hasBoth = random.oneIn(10)
    if isLegacy || hasBoth { text = Self.text(wishes, entry, &random) }
    guard !isLegacy else {
      if random.oneIn(6) { notes = [[Note(owner: "GNU", type: 3, bytes: [1, 2, 3, 4, 5])]] }
      return
    }
    var list = Self.notes(wishes, entry, is64: is64, &random)
    if random.oneIn(3) { list.shuffle(using: &random) }
    switch random.draw(0...7) {
    case 0: sectionNotes = list
    case 1: notes = [Array(list.prefix(2)), Array(list.dropFirst(2))]
    case 2: (notes, sectionNotes, hidesNotes) = ([list], list, true)
    case 3: notes = [[Note(owner: "GNU", type: 3, bytes: [1, 2, 3])], list]
    default: notes = [list]
    }
    if random.oneIn(20) { hidesNotes = true }
  }

  private mutating func drawTables(_ random: inout SeededGenerator) {
    if random.oneIn(6) {
      symbols = Symbols(symbolCount: Int(random.draw(0...200)), nameCount: Int(random.draw(0...90)), link: nil)
      if random.oneIn(4) { symbols?.link = random.pick([0, 1, 50]) }
    }
    if random.oneIn(20) { stride = random.pick([0, 32, 57, 64, 72]) }
    if random.oneIn(40) { extraHeaders = random.pick([1, 0xfff0]) }
    if random.oneIn(30) { cut = random.pick([1, 64, 200]) }
    if random.oneIn(20) { headerCut = random.pick([50, 48, 32, 24, 16, 8]) }
    if !is64 { headerCut = headerCut.map { $0 / 2 } }
    isBigEndian = random.oneIn(20)
    if cut > segments.reduce(0, { $0 + $1.count }) { cut = 0 }
  }

  /// What fields of 32 bits hold.
  private mutating func mask() {
    entry &= 0xffff_ffff
    code &= 0xffff_ffff
    for index in segments.indices {
      segments[index].physical &= 0xffff_ffff
      segments[index].memory &= 0xffff_ffff
    }
  }
}

extension XenPVImage {
  private static func number(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  /// `__xen_guest`, with what it may hold besides the base.
  private static func text(_ wishes: Wishes, _ entry: UInt64, _ random: inout SeededGenerator) -> String {
    var fields = [
      random.oneIn(15)
        ? "GUEST_OS=bsd" : random.pick(["GUEST_OS=linux", "LOADER=generic", "GUEST_OS=linuxandmuchmore"]),
      random.oneIn(15) ? "XEN_VER=xen-2.0" : "XEN_VER=xen-3.0",
    ]
    if let base = wishes.base { fields.append("VIRT_BASE=" + number(base)) }
    if let offset = wishes.offset { fields.append("ELF_PADDR_OFFSET=" + number(offset)) }
    if random.oneIn(4) { fields.append("VIRT_ENTRY=" + number(entry)) }
    if random.oneIn(4) { fields.append("HYPERCALL_PAGE=" + number(random.pick([1, 2, 9, 0x300, 0x3fff, 0x4_0000]))) }
    if random.oneIn(4) { fields.append("PAE=" + random.pick(["yes", "yes[extended-cr3]", "no", "yesterday"])) }
    if random.oneIn(5) { fields.append(random.pick(["BSD_SYMTAB=yes", "BSD_SYMTAB"])) }
    if random.oneIn(4) { fields.append("FEATURES=" + features(&random)) }
    if random.oneIn(6) {
      fields.append(String(repeating: "N", count: Int(random.draw(29...34))) + "=1")
      fields.append("V=" + String(repeating: "v", count: Int(random.draw(124...130))))
    }
    if random.oneIn(6) { fields.append("VIRT_BASE=" + number(wishes.base ?? 0)) }
    if random.oneIn(4) { fields.shuffle(using: &random) }
    return fields.joined(separator: ",")
  }

  private static func features(_ random: inout SeededGenerator) -> String {
    let names = [
      "writable_page_tables", "!writable_descriptor_tables", "auto_translated_physmap", "pae_pgdir_above_4gb",
      "hvm_callback_vector", "dom0", "!dom0", "unknown", String(repeating: "f", count: 70),
    ]
    var list = (0..<random.draw(1...3)).map { _ in random.pick(names) }
    if random.oneIn(4) { list.append(random.pick(["!unknown", "!supervisor_mode_kernel"])) }
    return list.joined(separator: "|")
  }

  private static func notes(
    _ wishes: Wishes, _ entry: UInt64, is64: Bool, _ random: inout SeededGenerator
  ) -> [Note] {
    func string(_ type: UInt32, _ text: String) -> Note { Note(type: type, bytes: Array(text.utf8) + [0]) }
    func number(_ type: UInt32, _ value: UInt64, _ size: Int = 8) -> Note {
      var writer = XenPVWriter(is64: is64)
      writer.put(value, size)
      return Note(type: type, bytes: writer.bytes)
    }
    let base = wishes.base ?? 0
    var list = [
      random.oneIn(15)
        ? string(NoteType.guestOS, "bsd")
        : random.oneIn(2) ? string(NoteType.loader, "generic") : string(NoteType.guestOS, "linux-and-a-long-name"),
      string(NoteType.version, random.oneIn(15) ? "xen-4.0" : "xen-3.0"),
    ]
    if let base = wishes.base { list.append(number(NoteType.virtualBase, base)) }
    if let offset = wishes.offset { list.append(number(NoteType.offset, offset)) }
    if random.oneIn(3) { list.append(number(NoteType.entry, entry)) }
    if random.oneIn(3) {
      let page: UInt64 = random.pick([0x1000, 0x2000, 0x9000, 0x9010, 0x30_0000, 0x3ff_f000, 0x1_0000_0000])
      list.append(number(NoteType.hypercallPage, base &+ page))
    }
    if random.oneIn(4) { list.append(string(NoteType.pae, random.pick(["yes", "yes[extended-cr3],bimodal", "no"]))) }
    if random.oneIn(4) { list.append(string(NoteType.features, features(&random))) }
    if random.oneIn(5) { list.append(string(NoteType.symbols, random.pick(["yes", "no"]))) }
    if random.oneIn(8) { list.append(number(NoteType.start, random.pick([0xf580_0000, 0xf580_0001, 0xfc00_0000]))) }
    if random.oneIn(4) {
      list.append(
        number(NoteType.list, random.pick([0x80_0000_0000, base &+ 0x2000, base &+ 0x10_0000, 0x1_0000_0000])))
    }
    if random.oneIn(3) { list.append(number(NoteType.frame, random.draw(0...1), random.pick([1, 2, 4, 8, 3]))) }
    if random.oneIn(6) {
      list.append(number(NoteType.supported, random.pick([0x800, 0xfff, 1]), random.pick([4, 8, 2])))
    }
    if random.oneIn(6) { list.append(number(random.pick([0, 7, 13, 18, 19, 0x100_0001]), 0x1234, 4)) }
    if random.oneIn(8) { list.append(number(NoteType.virtualBase, base, random.pick([8, 4, 2]))) }
    if random.oneIn(20) { list[Int(random.draw(0...1))].size = random.pick([0xffff_ffff, 0xffff_fffc, 0x100]) }
    return list
  }
}
