import BootProtocols
import KernelImage

/// What libelf reads from the notes of a kernel that starts without paging (`elf_xen_parse` with `hvm`), beside what
/// `Libelf` keeps for paravirtual ones.
struct XenPVHNotes {
  /// PHYS32_ENTRY, 32 bits of it; nil where it is not given, or is 0xffff_ffff, which libelf takes for "not given".
  var entry: UInt64?
  /// Whether FEATURES has "!dom0".
  var requiresDom0 = false
  private var count = 0

  /// Reads the same notes again as `Libelf.readNotes`, in the same steps.
  mutating func read(_ bytes: RawSpan, from start: UInt64, to end: UInt64) {
    var position = start
    while position < end, count < 65_536 {
      count += 1
      let name = bytes.wide(UInt32.self, at: position) ?? 0
      let size = bytes.wide(UInt32.self, at: position &+ 4) ?? 0
      let descriptor = position &+ 12 &+ name.roundedUp(to: 4)
      if bytes.spells("Xen\0", at: position &+ 12) {
        apply(bytes.wide(UInt32.self, at: position &+ 8) ?? 0, bytes, at: descriptor, size: size)
      }
      let next = descriptor &+ size.roundedUp(to: 4)
      guard next > position, bytes.holds(1, at: next) else { return }
      position = next
    }
  }

  private mutating func apply(_ type: UInt64, _ bytes: RawSpan, at descriptor: UInt64, size: UInt64) {
    switch XenNoteType(rawValue: UInt32(truncatingIfNeeded: type)) {
    case .physicalEntry32:
      // Notes may repeat: the last one counts.
      let value = Self.number(bytes, at: descriptor, size: size) & 0xffff_ffff
      entry = value == 0xffff_ffff ? nil : value
    case .features:
      guard let text = CText(in: bytes, at: descriptor, limit: 4096) else { return }
      if text.bytes.split(separator: 0x7c).contains(where: { $0.elementsEqual("!dom0".utf8) }) { requiresDom0 = true }
    default: return
    }
  }

  /// A number of 1, 2, 4 or 8 bytes; other sizes, and what lies outside the file, are 0 (`elf_note_numeric`).
  private static func number(_ bytes: RawSpan, at offset: UInt64, size: UInt64) -> UInt64 {
    switch size {
    case 1: bytes.wide(UInt8.self, at: offset) ?? 0
    case 2: bytes.wide(UInt16.self, at: offset) ?? 0
    case 4: bytes.wide(UInt32.self, at: offset) ?? 0
    case 8: bytes.load(UInt64.self, at: offset) ?? 0
    default: 0
    }
  }
}

extension Libelf {
  /// Reads and checks an image as `elf_xen_parse` does for a guest without paging: notes of PT_NOTE, else of SHT_NOTE,
  /// never the string of `__xen_guest`. Afterwards `kernelStart` and `kernelEnd` are physical.
  mutating func parsePVH(_ elf: LenientELF, _ bytes: RawSpan) throws(XenStop) -> XenPVHNotes {
    guard let notes = readPVHNotes(elf, bytes) else {
      throw .refuse(
        "Unable to parse kernel for ELFNOTES", "FEATURES", "a feature with '!' must be one that Xen knows",
        "\(XenSource.info), elf_xen_parse_features")
    }
    // "PVH only requires one ELF note to be set"; the check of ARM's comes first, with the same result.
    if notes.entry == nil { try checkWishes(elf, bytes) }
    // VIRT_BASE, PADDR_OFFSET and ENTRY do not count, but an offset without a base is refused all the same.
    if paddrOffset == Libelf.unset || virtualBase != Libelf.unset {
      virtualBase = 0
      paddrOffset = 0
    }
    entry = notes.entry ?? Libelf.unset
    try placeAddresses(elf, bytes)
    return notes
  }

  private mutating func readPVHNotes(_ elf: LenientELF, _ bytes: RawSpan) -> XenPVHNotes? {
    var notes = XenPVHNotes()
    var found = 0
    for index in 0..<(elf.programHeaderCount ?? 0) {
      guard let segment = elf.segment(index, in: bytes) else { break }
      guard segment.type == 4, segment.offset != 0 else { continue }
      let end = segment.offset &+ segment.fileSize
      guard let more = readNotes(elf, bytes, from: segment.offset, to: end) else { return nil }
      notes.read(bytes, from: segment.offset, to: end)
      found += more
    }
    guard found == 0 else { return notes }
    for index in 1..<max(1, elf.boundedSectionCount(in: bytes)) {
      guard let section = elf.section(index, in: bytes) else { break }
      guard section.type == 7 else { continue }
      let end = section.offset &+ section.size
      guard readNotes(elf, bytes, from: section.offset, to: end) != nil else { return nil }
      notes.read(bytes, from: section.offset, to: end)
    }
    return notes
  }
}
