import BootProtocols
import KernelImage
import Placement

/// What an image of 2006 asks for: `__xen_guest`, searched as C searches text, or in August 2006 notes.
struct XenOldWishes {
  var hasText = false
  var hasNotes = false
  var base: UInt64?
  var entry: UInt64?
  var offset: UInt64?
  var pae = false
  var hasSymbols = false

  init() {}

  init(_ file: LenientELF, _ bytes: RawSpan, _ rules: XenRules) throws(XenStop) {
    if file.sectionNameIndex ?? 0 == 0 {
      throw .refuse(
        "ELF image has no section-header strings table (shstrtab).", "e_shstrndx 0", "an index",
        "\(XenSource.oldELF), parseelfimage")
    }
    if rules == .august, let notes = try Self.notes(file, bytes) {
      self = notes
      return
    }
    guard let section = try file.oldGuestSection(in: bytes) else {
      // Until August the builder asked for it later, in other words.
      guard rules == .august else { return }
      throw .refuse(
        "ERROR: Not a Xen-ELF image: No ELF notes or '__xen_guest' section found.", "section names and types",
        "notes or the section are there", "\(XenSource.oldELF), parseelfimage")
    }
    let text = try Self.text(file, bytes, at: section.offset)
    hasText = true
    try Self.check(
      generic: text.index(of: "LOADER=generic") != nil || text.index(of: "GUEST_OS=linux") != nil,
      version: text.index(of: "XEN_VER=xen-3.0") != nil, rules, evidence: "__xen_guest '\(text.string)'")
    base = text.number(after: "VIRT_BASE=")
    if rules != .march2006 {
      entry = text.number(after: "VIRT_ENTRY=")
      offset = text.number(after: "ELF_PADDR_OFFSET=")
    }
    pae = text.index(of: "PAE=yes") != nil
    hasSymbols = text.index(of: rules == .august ? "BSD_SYMTAB=" : "BSD_SYMTAB") != nil
  }

  /// Notes of the first SHT_NOTE section with one of Xen's; nil where there is none.
  private static func notes(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) -> XenOldWishes? {
    var budget = 65536
    for index in 0..<(file.sectionHeaderCount ?? 0) {
      guard let section = file.section(index, in: bytes) else { return nil }
      guard section.type == 7 else { continue }
      let notes = XenOldNotes(bytes, from: section.offset, count: section.size, budget: &budget)
      guard notes.isXen else { continue }
      var wishes = XenOldWishes()
      wishes.hasNotes = true
      wishes.base = notes.number(.virtualBase, in: bytes)
      wishes.entry = notes.number(.entry, in: bytes)
      wishes.offset = notes.number(.physicalOffset, in: bytes)
      wishes.pae = notes.text(.paeMode, in: bytes).starts(with: "yes")
      wishes.hasSymbols = notes.text(.bsdSymbols, in: bytes).equals("yes")
      let loader = notes.text(.loader, in: bytes)
      let system = notes.text(.guestOS, in: bytes)
      let version = notes.text(.xenVersion, in: bytes)
      try check(
        generic: loader.starts(with: "generic") || system.starts(with: "linux"),
        version: version.starts(with: "xen-3.0"), .august,
        evidence: "LOADER '\(loader.string)', GUEST_OS '\(system.string)', XEN_VERSION '\(version.string)'")
      return wishes
    }
    return nil
  }

  private static func check(
    generic: Bool, version: Bool, _ rules: XenRules, evidence: String
  ) throws(XenStop) {
    if !generic {
      throw .refuse(
        rules == .august
          ? "ERROR: Will only load images built for the generic loader or Linux images"
          : "ERROR: Xen will only load images built for the generic loader or Linux images", evidence,
        "LOADER=generic or GUEST_OS=linux", "\(XenSource.oldELF), parseelfimage")
    }
    // In August 2006 the message was printed and the load went on.
    if !version, rules != .august {
      throw .refuse(
        "ERROR: Xen will only load images built for Xen v3.0", evidence, "XEN_VER=xen-3.0",
        "\(XenSource.oldELF), parseelfimage")
    }
  }

  /// C reads on past the end of the file.
  private static func text(_ file: LenientELF, _ bytes: RawSpan, at offset: UInt64) throws(XenStop) -> CText {
    if let text = CText(in: bytes, at: offset, limit: UInt64(bytes.byteCount)) { return text }
    throw .misbehaves(
      Misbehaviour(
        "reads text from memory behind the image", evidence: "__xen_guest, sh_offset \(hex(offset)), no NUL",
        rule: Rule("text ends at a NUL", source: "\(XenSource.oldELF), parseelfimage")))
  }
}

/// The notes of a section as August 2006 read them: the first of a type counts, and a number has 4 or 8 bytes
/// (`xen_elfnote_lookup`, `xen_elfnote_numeric`).
private struct XenOldNotes {
  /// Those whose type the builder knows.
  private var notes: [(type: UInt32, offset: UInt64, size: UInt64)] = []
  private(set) var isXen = false

  /// - Parameter budget: how many notes may still be looked at.
  init(_ bytes: RawSpan, from start: UInt64, count: UInt64, budget: inout Int) {
    let (end, wraps) = start.addingReportingOverflow(count)
    var place = start
    while !wraps, place < end, budget > 0, let nameSize = bytes.wide(UInt32.self, at: place),
      let size = bytes.wide(UInt32.self, at: place + 4), let type = bytes.load(UInt32.self, at: place + 8)
    {
      budget -= 1
      // Sizes have 32 bits: the place is in the file, so no sum wraps.
      let descriptor = place + 12 + (nameSize.roundedUp(to: 4) & 0xffff_ffff)
      if bytes.spells("Xen\0", at: place + 12) {
        isXen = true
        if type < 32, !notes.contains(where: { $0.type == type }) { notes.append((type, descriptor, size)) }
      }
      place = descriptor + (size.roundedUp(to: 4) & 0xffff_ffff)
    }
  }

  func number(_ type: XenNoteType, in bytes: RawSpan) -> UInt64? {
    guard let note = notes.first(where: { $0.type == type.rawValue }) else { return nil }
    switch note.size {
    case 4: return bytes.wide(UInt32.self, at: note.offset)
    case 8: return bytes.load(UInt64.self, at: note.offset)
    default: return nil
    }
  }

  /// Text of a note; empty where there is none.
  func text(_ type: XenNoteType, in bytes: RawSpan) -> CText {
    notes.first { $0.type == type.rawValue }
      .flatMap { CText(in: bytes, at: $0.offset, limit: UInt64(bytes.byteCount)) } ?? CText([])
  }
}
