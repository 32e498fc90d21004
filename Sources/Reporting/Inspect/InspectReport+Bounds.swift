import Addresses
import KernelImage

extension InspectReport {
  /// Refuses tables that overlap: counting each of a thousand sections that all cover the whole file would take forever.
  /// Tables that do not overlap are together no longer than the file.
  static func requireDistinct(_ types: [SectionType], of elf: ELFFile, in bytes: RawSpan) throws(ParseError) {
    var left = UInt64(bytes.byteCount)
    for section in elf.sectionHeaders where types.contains(section.type) {
      let size = section.fileRange.count.value
      guard size <= left else {
        throw ParseError(
          .invalidValue, field: "section header \(section.index): sh_size",
          at: section.headerOffset.value &+ (elf.header.class == .bits64 ? 32 : 20), found: size,
          allowed: .rule("tables of one kind are together no longer than the file"))
      }
      left -= size
    }
  }
}
