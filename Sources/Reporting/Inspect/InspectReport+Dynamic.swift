import Addresses
public import KernelImage

extension InspectReport {
  /// More entries than any linker writes; what is beyond is counted and not listed.
  private static var mostDynamicEntries: Int { 4096 }

  /// The dynamic table; nil when the file has none.
  ///
  /// - Throws: ``ParseError`` for a table that the file does not hold.
  public static func dynamic(of elf: ELFFile, in bytes: RawSpan) throws(ParseError) -> Section? {
    let entries = try elf.dynamicEntries(in: bytes)
    guard !entries.isEmpty else { return nil }
    let columns: [Grid.Column] = [
      .init("tag", "tag"), .init("tagNumber", "", for: .programs), .init("value", "value"), .init("offset", "at"),
    ]
    let rows: [[Value]] = entries.prefix(mostDynamicEntries).map {
      [.text($0.tag.name), .address($0.tag.rawValue), .address($0.value), .address($0.offset)]
    }
    let rest = entries.count - rows.count
    return Section(
      "dynamic", title: "Dynamic table", .grid(Grid(columns, rows: rows)),
      notes: rest > 0 ? ["\(Decimal.grouped(UInt64(rest))) more entries are not listed"] : [])
  }

  /// The relocation sections, entries counted by type; nil when there is none.
  ///
  /// - Throws: ``ParseError`` for sections that overlap, or whose entries have another size than their type asks for.
  public static func relocations(of elf: ELFFile, in bytes: RawSpan) throws(ParseError) -> Section? {
    let found = try elf.relocationSections(in: bytes)
    guard !found.isEmpty else { return nil }
    let columns: [Grid.Column] = [
      .init("section", "#"),
      .init("name", "section"),
      .init("kind", "kind"),
      .init("entries", "entries"),
      .init("places", "places"),
      .init("types", "types"),
    ]
    var rows: [[Value]] = []
    for relocations in found.prefix(mostDynamicEntries) {
      rows.append([
        .count(relocations.section), .text(name(of: elf.sectionHeaders[relocations.section], of: elf, in: bytes)),
        .text(relocations.kind.name), .count(relocations.entryCount), .count(relocations.placeCount),
        types(of: relocations, on: elf.header.machine),
      ])
    }
    let rest = found.count - rows.count
    return Section(
      "relocations", title: "Relocation sections", .grid(Grid(columns, rows: rows)),
      notes: rest > 0 ? ["\(Decimal.grouped(UInt64(rest))) more sections are not listed"] : [])
  }

  private static func types(of relocations: RelocationSection, on machine: Machine) -> Value {
    var members = relocations.types.map {
      JSONValue.members(["type": .string($0.type.name(on: machine)), "count": .count($0.count)])
    }
    var words = relocations.types.map { "\(Decimal.grouped($0.count)) \($0.type.name(on: machine))" }
    if relocations.otherCount > 0 {
      members.append(.members(["type": .string("other"), "count": .count(relocations.otherCount)]))
      words.append("\(Decimal.grouped(relocations.otherCount)) other")
    }
    return .spelled(text: words.isEmpty ? "-" : words.joined(separator: ", "), json: .array(members))
  }

  /// The symbol tables, counted; nil when there is none.
  ///
  /// - Throws: ``ParseError`` for tables that overlap, or whose entries have another size than the class asks for.
  public static func symbols(of elf: ELFFile, in bytes: RawSpan) throws(ParseError) -> Section? {
    let tables = try elf.symbolCounts(in: bytes)
    guard !tables.isEmpty else { return nil }
    let columns: [Grid.Column] = [
      .init("section", "#"),
      .init("name", "section"),
      .init("isDynamic", "dynamic"),
      .init("total", "symbols"),
      .init("functions", "functions"),
      .init("objects", "objects"),
      .init("globals", "global"),
      .init("weaks", "weak"),
      .init("undefined", "undefined"),
    ]
    var rows: [[Value]] = []
    for table in tables.prefix(mostDynamicEntries) {
      rows.append([
        .count(table.section), .text(name(of: elf.sectionHeaders[table.section], of: elf, in: bytes)),
        .flag(table.isDynamic), .count(table.total), .count(table.definedFunctions), .count(table.definedObjects),
        .count(table.definedGlobals), .count(table.definedWeaks), .count(table.undefined),
      ])
    }
    return Section("symbols", title: "Symbol tables", .grid(Grid(columns, rows: rows)))
  }
}

extension RelocationSection.Kind {
  fileprivate var name: String {
    switch self {
    case .rel: "REL"
    case .rela: "RELA"
    case .relr: "RELR"
    }
  }
}
