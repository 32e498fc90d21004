import Addresses

extension ELFFile {
  /// Every symbol table, counted. One pass over the entries.
  ///
  /// - Throws: ``ParseError`` when a table's entries have not the size that the class asks for, and when the tables
  ///   share so many bytes that together they are larger than the file.
  public func symbolCounts(in bytes: RawSpan) throws(ParseError) -> [SymbolCounts] {
    var tables: [SymbolCounts] = []
    try checkTotalSize(of: [.symbolTable, .dynamicSymbols], in: bytes)
    for section in sectionHeaders where section.type == .symbolTable || section.type == .dynamicSymbols {
      let width: UInt64 = header.class == .bits64 ? 24 : 16
      let count = try section.entryCount(of: width, class: header.class)
      var counts = SymbolCounts(
        section: section.index, fileRange: section.fileRange, isDynamic: section.type == .dynamicSymbols)
      var offset = section.fileRange.start.value
      for index in 0..<count {
        try counts.add(symbolAt: offset, index: index, of: bytes, class: header.class)
        offset &+= width
      }
      tables.append(counts)
    }
    return tables
  }
}

extension SymbolCounts {
  /// Counts one entry: st_info and st_shndx lie at 4 and 6 in Elf64_Sym, at 12 and 14 in Elf32_Sym.
  fileprivate mutating func add(
    symbolAt offset: UInt64, index: UInt64, of bytes: RawSpan, class: ELFClass
  ) throws(ParseError) {
    let base = offset &+ (`class` == .bits64 ? 4 : 12)
    let info = try bytes.read(UInt8.self, at: base, field: "section \(section), symbol \(index): st_info")
    let home = try bytes.read(UInt16.self, at: base &+ 2, field: "section \(section), symbol \(index): st_shndx")
    total &+= 1
    guard home != 0 else {
      if index > 0 { undefined &+= 1 }
      return
    }
    switch info & 0xf {
    case 1: definedObjects &+= 1
    case 2: definedFunctions &+= 1
    default: break
    }
    switch info >> 4 {
    case 1: definedGlobals &+= 1
    case 2: definedWeaks &+= 1
    default: break
    }
  }
}
