public import Addresses

extension ELFFile {
  /// The tables of dynamic relocations that PT_DYNAMIC leads to, as file ranges: RELA tables of 24-byte entries
  /// (DT_RELA, and DT_JMPREL where it is not a part of it), RELR tables of 8-byte words. Both empty when there is
  /// nothing to do.
  ///
  /// - Throws: ``ParseError`` for a 32-bit file that has a dynamic table, for DT_REL (addends in the places, which no
  ///   64-bit machine of ours uses), for entries of another size, and for a table that no PT_LOAD holds in the file.
  public func dynamicRelocations(in bytes: RawSpan) throws(ParseError) -> (
    rela: [FileRange], relr: [FileRange]
  ) {
    let entries = try dynamicEntries(in: bytes)
    guard !entries.isEmpty else { return ([], []) }
    guard header.class == .bits64 else {
      throw ParseError(
        .unsupported, field: "EI_CLASS", at: 4, found: UInt64(header.class.rawValue),
        allowed: .exactly(UInt64(ELFClass.bits64.rawValue)))
    }
    let tags = TagLookup(entries: entries)
    if let rel = tags[.rel], tags[.relSize]?.value != 0 {
      throw ParseError(
        .unsupported, field: "DT_REL", at: rel.offset.value, found: rel.value, allowed: .rule("no DT_REL: use RELA"))
    }
    var rela: [FileRange] = []
    if let table = try table(tags, .rela, size: .relaSize, entrySize: .relaEntrySize, of: 24) { rela.add(table) }
    if let table = try linkageTable(tags), !rela.contains(where: { $0.contains(table) }) { rela.add(table) }
    let relr = try table(tags, .relr, size: .relrSize, entrySize: .relrEntrySize, of: 8)
    return (rela, relr.map { [$0] } ?? [])
  }

  /// DT_JMPREL has no entry size of its own: DT_PLTREL says which kind it is.
  private func linkageTable(_ tags: TagLookup) throws(ParseError) -> FileRange? {
    guard tags[.procedureLinkageRelocations] != nil else { return nil }
    if let kind = tags[.procedureLinkageKind], kind.value != DynamicTag.rela.rawValue {
      throw ParseError(
        .unsupported, field: "DT_PLTREL", at: kind.offset.value &+ 8, found: kind.value,
        allowed: .exactly(DynamicTag.rela.rawValue))
    }
    return try table(tags, .procedureLinkageRelocations, size: .procedureLinkageSize, entrySize: nil, of: 24)
  }

  private func table(
    _ tags: TagLookup, _ address: DynamicTag, size sizeTag: DynamicTag, entrySize: DynamicTag?, of width: UInt64
  ) throws(ParseError) -> FileRange? {
    guard let start = tags[address] else { return nil }
    guard let size = tags[sizeTag] else {
      throw ParseError(
        .invalidValue, field: "DT_\(address.name)", at: start.offset.value, found: start.value,
        allowed: .rule("comes with an entry that says its size"))
    }
    guard size.value > 0 else { return nil }
    if let entrySize, let entry = tags[entrySize], entry.value != width {
      throw ParseError(
        .invalidValue, field: "DT_\(entrySize.name)", at: entry.offset.value &+ 8, found: entry.value,
        allowed: .exactly(width))
    }
    guard size.value % width == 0 else {
      throw ParseError(
        .invalidValue, field: "DT_\(sizeTag.name)", at: size.offset.value &+ 8, found: size.value,
        allowed: .multipleOf(width))
    }
    guard let linked = LinkRange(start: LinkAddress(unchecked: start.value), count: ByteCount(size.value)),
      let range = fileRange(of: linked)
    else {
      throw ParseError(
        .outsideFile, field: "DT_\(address.name)", at: start.offset.value &+ 8, found: start.value,
        allowed: .rule("the whole table lies in the file bytes of one PT_LOAD"))
    }
    return range
  }
}

/// The dynamic table, asked by tag: the first entry of a tag counts.
private struct TagLookup {
  let entries: [DynamicEntry]

  subscript(tag: DynamicTag) -> DynamicEntry? { entries.first { $0.tag == tag } }
}
