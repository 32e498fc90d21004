import KernelImage
import Placement

/// The tables as 2006 read them: whether a header lies in the image was not asked again.
extension LenientELF {
  /// PT_LOAD segments that share a bit of p_flags with a mask, with their indexes: as far as the headers lie in the
  /// file. e_phentsize is the stride as it stands; 0 makes all headers the same.
  func loadable(_ flags: UInt64, in bytes: RawSpan) -> [(index: UInt64, segment: Segment)] {
    var found: [(index: UInt64, segment: Segment)] = []
    for index in 0..<(programHeaderCount ?? 0) {
      guard let segment = segment(index, in: bytes) else { break }
      if segment.type == 1, segment.flags & flags != 0 { found.append((index: index, segment: segment)) }
    }
    return found
  }

  /// The first section named `__xen_guest`; nil where there is none.
  ///
  /// - Throws: where the comparison of names leaves the image, as strcmp does with a wild sh_name (XSA-55).
  func oldGuestSection(in bytes: RawSpan) throws(XenStop) -> Section? {
    let index = sectionNameIndex ?? 0
    guard let names = section(index, in: bytes) else { throw .runsOff("e_shstrndx \(index)") }
    for index in 0..<(sectionHeaderCount ?? 0) {
      guard let section = section(index, in: bytes) else { throw .runsOff("section header \(index)") }
      let place = names.offset &+ section.name
      guard let isEqual = bytes.compares(to: "__xen_guest\0", at: place) else {
        throw .runsOff("section header \(index), sh_name \(hex(section.name)), names at \(hex(names.offset))")
      }
      if isEqual { return section }
    }
    return nil
  }
}

extension XenStop {
  fileprivate static func runsOff(_ evidence: String) -> XenStop {
    .misbehaves(
      Misbehaviour(
        "reads text from memory behind the image", evidence: evidence,
        rule: Rule("names are compared wherever they lie", source: "\(XenSource.oldELF), parseelfimage")))
  }
}

extension RawSpan {
  /// Whether bytes are those of a text, as strcmp goes over them: nil where the bytes end before a difference.
  fileprivate func compares(to text: String, at offset: UInt64) -> Bool? {
    var place = offset
    for wanted in text.utf8 {
      guard let byte = load(UInt8.self, at: place) else { return nil }
      if byte != wanted { return false }
      place &+= 1
    }
    return true
  }
}
