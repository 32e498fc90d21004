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
    if rules == .august, let notes = try Self.notes(file, bytes) {
      self = notes
      return
    }
    if file.sectionNameIndex ?? 0 == 0 {
      throw .refuse(
        "ELF image has no section-header strings table (shstrtab).", "e_shstrndx 0", "an index",
        "\(XenSource.oldELF), parseelfimage")
    }
    guard let section = file.section(named: "__xen_guest", from: 0, in: bytes) else { return }
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
    hasSymbols = text.index(of: "BSD_SYMTAB") != nil
  }

  /// Notes of the first SHT_NOTE section with one of Xen's; nil where there is none.
  private static func notes(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) -> XenOldWishes? {
    for index in 0..<(file.sectionHeaderCount ?? 0) {
      guard let section = file.section(index, in: bytes) else { return nil }
      guard section.type == 7 else { continue }
      var notes = Libelf()
      guard let count = notes.readNotes(file, bytes, from: section.offset, to: section.offset &+ section.size),
        count > 0
      else { continue }
      var wishes = XenOldWishes()
      wishes.hasNotes = true
      func given(_ value: UInt64) -> UInt64? { value == Libelf.unset ? nil : value }
      wishes.base = given(notes.virtualBase)
      wishes.entry = given(notes.entry)
      wishes.offset = given(notes.paddrOffset)
      wishes.pae = notes.pae != .no
      wishes.hasSymbols = notes.hasSymbols
      try check(
        generic: notes.loader.starts(with: "generic") || notes.guestOS.starts(with: "linux"),
        version: notes.version.starts(with: "xen-3.0"), .august,
        evidence: "LOADER '\(notes.loader.string)', GUEST_OS '\(notes.guestOS.string)', XEN_VERSION "
          + "'\(notes.version.string)'")
      return wishes
    }
    return nil
  }

  private static func check(
    generic: Bool, version: Bool, _ rules: XenRules, evidence: String
  ) throws(XenStop) {
    if !generic {
      throw .refuse(
        "ERROR: Xen will only load images built for the generic loader or Linux images", evidence,
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
