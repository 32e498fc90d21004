import Addresses

extension ELFFile {
  /// No real section has a longer name; a hostile one is cut here.
  static var nameLimit: UInt64 { 4096 }

  /// A section's name, from the section name table; empty when there is none.
  public func name(of section: SectionHeader, in bytes: RawSpan) -> String {
    guard let names = nameRange(of: section) else { return "" }
    return bytes.text(at: names.start.value, limit: min(names.count.value, Self.nameLimit))
  }

  /// The first section of a name, or nil.
  public func section(named name: String, in bytes: RawSpan) -> SectionHeader? {
    let length = UInt64(name.bytes.count)
    for section in sectionHeaders {
      guard let names = nameRange(of: section), length < names.count.value,
        bytes.spells(name, at: names.start.value),
        bytes.load(UInt8.self, at: names.start.value &+ length) == 0
      else { continue }
      return section
    }
    return nil
  }

  /// From the start of a section's name to the end of the name table.
  private func nameRange(of section: SectionHeader) -> FileRange? {
    guard let sectionNameTable else { return nil }
    let table = sectionHeaders[sectionNameTable].fileRange
    let skip = UInt64(section.nameOffset)
    guard skip < table.count.value, let start = table.start.adding(ByteCount(skip)) else { return nil }
    return FileRange(uncheckedStart: start, count: ByteCount(table.count.value - skip))
  }
}
