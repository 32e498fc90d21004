import Addresses
public import KernelImage

extension InspectReport {
  /// More sections than any kernel has; what is beyond is counted and not listed.
  private static var mostSections: Int { 65_536 }
  /// No real name is longer; a hostile one is cut here.
  private static var longestName: Int { 256 }

  /// The section header table, as `readelf -SW` has it.
  public static func sections(of elf: ELFFile, in bytes: RawSpan) -> Section {
    var rows: [[Value]] = []
    for section in elf.sectionHeaders.prefix(mostSections) {
      rows.append(row(section, name: name(of: section, of: elf, in: bytes)))
    }
    let rest = elf.sectionHeaders.count - rows.count
    return Section(
      "sections", title: "Section headers", .grid(Grid(sectionColumns, rows: rows)),
      notes: rest > 0 ? ["\(Decimal.grouped(UInt64(rest))) more sections are not listed"] : [])
  }

  static func name(of section: SectionHeader, of elf: ELFFile, in bytes: RawSpan) -> String {
    String(elf.name(of: section, in: bytes).prefix(longestName))
  }

  private static let sectionColumns: [Grid.Column] = [
    .init("index", "#"),
    .init("name", "name"),
    .init("type", "type"),
    .init("typeNumber", "", for: .programs),
    .init("flags", "flags"),
    .init("flagsNumber", "", for: .programs),
    .init("address", "address"),
    .init("offset", "offset"),
    .init("size", "", for: .programs),
    .init("hexSize", "size", for: .people),
    .init("entrySize", "entry"),
    .init("link", "link"),
    .init("info", "info"),
    .init("alignment", "align"),
  ]

  private static func row(_ section: SectionHeader, name: String) -> [Value] {
    [
      .count(section.index), .text(name), .text(section.type.name), .address(UInt64(section.type.rawValue)),
      .text(section.flags.letters), .address(section.flags.rawValue), .address(section.address),
      .address(section.fileOffset), .size(section.size), .address(section.size.value), .address(section.entrySize),
      .count(UInt64(section.link)), .count(UInt64(section.info)), .address(section.alignment),
    ]
  }
}
