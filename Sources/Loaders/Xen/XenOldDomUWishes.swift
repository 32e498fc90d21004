import KernelImage
import Placement

/// What an image asks libxc for in 2006: `__xen_guest`, searched as C searches text, or in August 2006 notes.
struct XenOldDomUWishes {
  var hasNotes = false
  var base: UInt64?
  var entry: UInt64?
  var offset: UInt64?
  var pae = false
  var hasSymbols = false
  /// Pseudo-physical frame of the hypercall page.
  var hypercallFrame: UInt64?
  /// Whether the image requires that frame numbers are translated for it (auto_translated_physmap).
  var isTranslated = false

  init() {}

  /// - Parameter mask: the greatest value of the tool's `unsigned long`.
  init(_ file: LenientELF, _ bytes: RawSpan, _ rules: XenRules, mask: UInt64) throws(XenStop) {
    let source = rules.libxc("xc_load_elf.c, parseelfimage")
    if rules == .august, let notes = try XenOldDomUNotes(file, bytes, source) {
      try read(notes, bytes, rules)
      return
    }
    guard let section = try Self.section(file, bytes, source) else {
      throw .refuse(
        rules == .august
          ? "Not a Xen-ELF image: No ELF notes or '__xen_guest' section found."
          : "Not a Xen-ELF image: '__xen_guest' section not found.", "section names",
        rules == .august ? "notes or the section are there" : "the section is there", source)
    }
    guard let text = CText(in: bytes, at: section.offset, limit: UInt64(bytes.byteCount)) else {
      throw .misbehaves(
        Misbehaviour(
          "reads memory behind the image", evidence: "__xen_guest, sh_offset \(hex(section.offset)), no NUL",
          rule: Rule("text ends at a NUL", source: source)))
    }
    try read(text, rules, mask: mask)
  }

  /// The section's name is compared as the hypervisor of the time did.
  private static func section(
    _ file: LenientELF, _ bytes: RawSpan, _ source: String
  ) throws(XenStop) -> LenientELF.Section? {
    do throws(XenStop) {
      return try file.oldGuestSection(in: bytes)
    } catch {
      guard case .misbehaves(var misbehaviour) = error else { throw error }
      misbehaviour.rule = Rule(misbehaviour.rule.text, source: source)
      throw .misbehaves(misbehaviour)
    }
  }

  private mutating func read(_ text: CText, _ rules: XenRules, mask: UInt64) throws(XenStop) {
    // In August the first LOADER= counts, and addresses have 64 bits in every tool.
    let isAugust = rules == .august
    func names(_ name: String, _ value: String) -> Bool {
      isAugust ? text.after(name)?.starts(with: value) == true : text.index(of: name + value) != nil
    }
    try Self.check(
      generic: names("LOADER=", "generic") || names("GUEST_OS=", "linux"), version: names("XEN_VER=", "xen-3.0"), rules,
      evidence: "__xen_guest '\(text.string)'")
    let greatest = isAugust ? .max : mask
    base = text.after("VIRT_BASE=")?.unsigned(greatest: greatest)
    if rules != .march2006 {
      entry = text.after("VIRT_ENTRY=")?.unsigned(greatest: greatest)
      offset = text.after("ELF_PADDR_OFFSET=")?.unsigned(greatest: greatest)
    }
    pae = names("PAE=", "yes")
    hasSymbols = text.index(of: isAugust ? "BSD_SYMTAB=" : "BSD_SYMTAB") != nil
    if let frame = text.after("HYPERCALL_PAGE=") {
      // Sixteen without a prefix, until August; then the number of a page in 64 bits.
      hypercallFrame =
        isAugust ? frame.unsigned(greatest: .max) & (.max >> 12) : frame.unsigned(base: 16, greatest: mask)
    }
    isTranslated = text.after("FEATURES=")?.requiresTranslation == true
  }

  private mutating func read(_ notes: XenOldDomUNotes, _ bytes: RawSpan, _ rules: XenRules) throws(XenStop) {
    hasNotes = true
    let loader = try notes.text(.loader, in: bytes)
    let system = try notes.text(.guestOS, in: bytes)
    let version = try notes.text(.xenVersion, in: bytes)
    try Self.check(
      generic: loader?.starts(with: "generic") == true || system?.starts(with: "linux") == true,
      version: version?.starts(with: "xen-3.0") == true, rules,
      evidence: "LOADER '\(loader?.string ?? "")', GUEST_OS '\(system?.string ?? "")', "
        + "XEN_VERSION '\(version?.string ?? "")'")
    base = try notes.number(.virtualBase, in: bytes)
    entry = try notes.number(.entry, in: bytes)
    offset = try notes.number(.physicalOffset, in: bytes)
    pae = try notes.text(.paeMode, in: bytes)?.starts(with: "yes") == true
    hasSymbols = try notes.text(.bsdSymbols, in: bytes)?.starts(with: "yes") == true
    if let page = try notes.number(.hypercallPage, in: bytes) { hypercallFrame = (page &- (base ?? 0)) >> 12 }
    isTranslated = try notes.text(.features, in: bytes)?.requiresTranslation == true
  }

  private static func check(
    generic: Bool, version: Bool, _ rules: XenRules, evidence: String
  ) throws(XenStop) {
    let source = rules.libxc("xc_load_elf.c, parseelfimage")
    if !generic {
      throw .refuse(
        "Will only load images built for the generic loader or Linux images", evidence,
        "LOADER=generic or GUEST_OS=linux", source)
    }
    if !version {
      throw .refuse("Will only load images built for Xen v3.0", evidence, "XEN_VER=xen-3.0", source)
    }
  }
}

/// The notes of the first SHT_NOTE section that has one of Xen's, as August 2006 looked for them: anew for each type,
/// and the first of a type counts (`xen_elfnote_lookup`, `xen_elfnote_numeric`).
struct XenOldDomUNotes {
  private typealias Note = (type: UInt32, descriptor: UInt64, size: UInt64, next: UInt64)

  private let start: UInt64
  private let end: UInt64
  private let source: String

  /// - Returns: nil where no section has one. 65,536 notes in an image are enough.
  init?(_ file: LenientELF, _ bytes: RawSpan, _ source: String) throws(XenStop) {
    var budget = 65_536
    for index in 0..<(file.sectionHeaderCount ?? 0) {
      guard let section = file.section(index, in: bytes) else {
        throw Self.runsOff("section header \(index)", source)
      }
      let (end, wraps) = section.offset.addingReportingOverflow(section.size)
      guard section.type == 7, !wraps else { continue }
      var place = section.offset
      while place < end, budget > 0 {
        budget -= 1
        guard let note = Self.note(bytes, at: place) else {
          throw Self.runsOff("section header \(index), a note at \(hex(place))", source)
        }
        if bytes.spells("Xen\0", at: place + 12) {
          self.start = section.offset
          self.end = end
          self.source = source
          return
        }
        place = note.next
      }
    }
    return nil
  }

  func number(_ type: XenNoteType, in bytes: RawSpan) throws(XenStop) -> UInt64? {
    guard let note = try first(type, in: bytes) else { return nil }
    switch note.size {
    case 4: return bytes.wide(UInt32.self, at: note.descriptor)
    case 8: return bytes.load(UInt64.self, at: note.descriptor)
    default: return nil
    }
  }

  func text(_ type: XenNoteType, in bytes: RawSpan) throws(XenStop) -> CText? {
    guard let note = try first(type, in: bytes) else { return nil }
    if let text = CText(in: bytes, at: note.descriptor, limit: UInt64(bytes.byteCount)) { return text }
    throw Self.runsOff("note type \(type.rawValue) at \(hex(note.descriptor)), no NUL", source)
  }

  private func first(_ type: XenNoteType, in bytes: RawSpan) throws(XenStop) -> Note? {
    var place = start
    var budget = 65_536
    while place < end, budget > 0 {
      budget -= 1
      guard let note = Self.note(bytes, at: place) else { throw Self.runsOff("a note at \(hex(place))", source) }
      if note.type == type.rawValue, bytes.spells("Xen\0", at: place + 12) { return note }
      place = note.next
    }
    return nil
  }

  /// Sizes have 32 bits and a header that is there lies in the file: no sum wraps.
  private static func note(_ bytes: RawSpan, at place: UInt64) -> Note? {
    guard bytes.holds(12, at: place), let nameSize = bytes.wide(UInt32.self, at: place),
      let size = bytes.wide(UInt32.self, at: place + 4), let type = bytes.load(UInt32.self, at: place + 8)
    else { return nil }
    let descriptor = place + 12 + (nameSize.roundedUp(to: 4) & 0xffff_ffff)
    return (type: type, descriptor: descriptor, size: size, next: descriptor + (size.roundedUp(to: 4) & 0xffff_ffff))
  }

  private static func runsOff(_ evidence: String, _ source: String) -> XenStop {
    .misbehaves(
      Misbehaviour(
        "reads memory behind the image", evidence: evidence,
        rule: Rule("notes are walked to the section's end", source: source)))
  }
}
