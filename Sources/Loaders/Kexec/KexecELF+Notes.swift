import KernelImage
import Placement

extension KexecELF {
  /// The first PT_NOTE with an offset or, without one, the first SHT_NOTE must be whole notes from end to end
  /// (build_mem_notes). A name without a zero at its end is warned of, and its end is looked for where n_namesz says,
  /// which has lost its carry where it was rounded up.
  func checkNotes(
    _ header: LenientELF, _ order: FieldOrder, _ section: LenientELF.Section?, in bytes: RawSpan
  ) throws(KexecELFFailure) {
    let segmentCount = order.half(header.programHeaderCount)
    guard segmentCount == 0 || order.address(header.programHeaderOffset) > 0 else {
      throw KexecELFFailure(.missingTable, "e_phoff 0, e_phnum \(segmentCount)")
    }
    if let note = segments.first(where: { $0.type == 4 && $0.offset > 0 }) {
      return try Self.checkNotes(from: note.offset, note.fileSize, order, in: bytes)
    }
    let sectionCount = order.half(header.sectionHeaderCount)
    guard sectionCount == 0 || order.address(header.sectionHeaderOffset) > 0 else {
      throw KexecELFFailure(.missingTable, "e_shoff 0, e_shnum \(sectionCount)")
    }
    if let section { try Self.checkNotes(from: section.offset, section.size, order, in: bytes) }
  }

  private static func checkNotes(
    from start: UInt64, _ size: UInt64, _ order: FieldOrder, in bytes: RawSpan
  ) throws(KexecELFFailure) {
    let end = start &+ size
    var place = start
    var farName: UInt64?
    while place < end {
      let nameSize = order.word(bytes.wide(UInt32.self, at: place))
      let name = (nameSize + 3) & 0xffff_fffc
      let descriptor = (order.word(bytes.wide(UInt32.self, at: place &+ 4)) + 3) & 0xffff_fffc
      guard end - place >= 12, end - place - 12 >= name + descriptor else {
        throw KexecELFFailure("ELF Note corrupted !", "note at \(hex(place)) of notes up to \(hex(end))")
      }
      if nameSize > name, farName == nil { farName = place }
      place += 12 + name + descriptor
    }
    if let farName { throw KexecELFFailure(.farName, "note at \(hex(farName)), n_namesz of nearly 4 GiB") }
  }
}
