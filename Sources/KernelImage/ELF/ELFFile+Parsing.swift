import Addresses

extension ELFFile {
  /// The most program headers Perch reads: what e_phnum can count, and a few that need PN_XNUM.
  static var programHeaderLimit: UInt64 { 65_536 }
  /// The most section headers Perch reads.
  static var sectionHeaderLimit: UInt64 { 1_048_576 }

  /// Decodes the header and both tables of an ELF file.
  ///
  /// Strict: tables, segments and sections lie inside the file, entry sizes are those of the class, counts are bounded.
  /// The tables of a big-endian file are not decoded.
  ///
  /// - Throws: ``ParseError`` with the field that breaks a rule.
  public init(parsing bytes: RawSpan) throws(ParseError) {
    let header = try FileHeader(parsing: bytes)
    guard header.byteOrder == .little else {
      self.header = header
      programHeaders = []
      sectionHeaders = []
      sectionNameTable = nil
      return
    }
    let tables = try TableGeometry(of: header, in: bytes)
    var segments: [ProgramHeader] = []
    var offset = header.programHeaderOffset
    for index in 0..<tables.programHeaderCount {
      segments.add(try ProgramHeader(parsing: bytes, at: offset, index: index, class: header.class))
      offset &+= UInt64(header.programHeaderEntrySize)
    }
    var sections: [SectionHeader] = []
    offset = header.sectionHeaderOffset
    for index in 0..<tables.sectionHeaderCount {
      sections.add(try SectionHeader(parsing: bytes, at: offset, index: index, class: header.class))
      offset &+= UInt64(header.sectionHeaderEntrySize)
    }
    self.header = header
    programHeaders = segments
    sectionHeaders = sections
    sectionNameTable = tables.sectionNameTable
  }
}

/// The counts of both tables, with the extensions that hide them in section 0 resolved, and both tables proven to lie
/// inside the file.
private struct TableGeometry {
  private(set) var programHeaderCount = 0
  private(set) var sectionHeaderCount = 0
  private(set) var sectionNameTable: Int?

  private let header: FileHeader

  init(of header: FileHeader, in bytes: RawSpan) throws(ParseError) {
    self.header = header
    let zero = try sectionZero(of: bytes)
    try countSegments(zero: zero, in: bytes)
    try countSections(zero: zero, in: bytes)
    try findNames(zero: zero)
  }

  /// Where a header field lies, by its place in Elf64_Ehdr and Elf32_Ehdr.
  private func place(_ wide: UInt64, _ narrow: UInt64) -> UInt64 { header.class == .bits64 ? wide : narrow }

  /// Section 0, when one of the three extensions needs it (gABI ch. 4: e_phnum, e_shnum, e_shstrndx).
  private func sectionZero(of bytes: RawSpan) throws(ParseError) -> SectionHeader? {
    let extended =
      header.programHeaderCount == 0xffff || header.sectionNameTableIndex == 0xffff
      || (header.sectionHeaderCount == 0 && header.sectionHeaderOffset != 0)
    guard extended else { return nil }
    guard header.sectionHeaderOffset != 0 else {
      throw ParseError(
        .invalidValue, field: "e_shoff", at: place(40, 32), found: 0,
        allowed: .rule("a section header table, whose first entry holds the extended count"))
    }
    try checkSectionEntrySize()
    try checkTable(
      "e_shoff", at: place(40, 32), offset: header.sectionHeaderOffset, count: 1,
      entrySize: header.sectionHeaderEntrySize, in: bytes)
    let zero = try SectionHeader(parsing: bytes, at: header.sectionHeaderOffset, index: 0, class: header.class)
    guard zero.type == .null else {
      throw ParseError(
        .invalidValue, field: "section header 0: sh_type", at: header.sectionHeaderOffset &+ 4,
        found: UInt64(zero.type.rawValue), allowed: .exactly(0))
    }
    return zero
  }

  private mutating func countSegments(zero: SectionHeader?, in bytes: RawSpan) throws(ParseError) {
    var count = UInt64(header.programHeaderCount)
    var field: Sentence = "e_phnum"
    var countPlace = place(56, 44)
    if count == 0xffff, let zero {
      count = UInt64(zero.info)
      field = "section header 0: sh_info"
      countPlace = zero.headerOffset.value &+ place(44, 28)
    }
    guard count > 0 else { return }
    guard count <= ELFFile.programHeaderLimit else {
      throw ParseError(
        .tooMany, field: field, at: countPlace, found: count, allowed: .atMost(ELFFile.programHeaderLimit))
    }
    guard header.programHeaderEntrySize == header.class.programHeaderSize else {
      throw ParseError(
        .invalidValue, field: "e_phentsize", at: place(54, 42), found: UInt64(header.programHeaderEntrySize),
        allowed: .exactly(UInt64(header.class.programHeaderSize)))
    }
    try checkTable(
      "e_phoff", at: place(32, 28), offset: header.programHeaderOffset, count: count,
      entrySize: header.programHeaderEntrySize, in: bytes)
    programHeaderCount = Int(count)
  }

  private mutating func countSections(zero: SectionHeader?, in bytes: RawSpan) throws(ParseError) {
    var count = UInt64(header.sectionHeaderCount)
    var field: Sentence = "e_shnum"
    var countPlace = place(60, 48)
    if count == 0, let zero {
      count = zero.size.value
      field = "section header 0: sh_size"
      countPlace = zero.headerOffset.value &+ place(32, 20)
    }
    guard count > 0 else { return }
    guard count <= ELFFile.sectionHeaderLimit else {
      throw ParseError(
        .tooMany, field: field, at: countPlace, found: count, allowed: .atMost(ELFFile.sectionHeaderLimit))
    }
    try checkSectionEntrySize()
    try checkTable(
      "e_shoff", at: place(40, 32), offset: header.sectionHeaderOffset, count: count,
      entrySize: header.sectionHeaderEntrySize, in: bytes)
    sectionHeaderCount = Int(count)
  }

  private mutating func findNames(zero: SectionHeader?) throws(ParseError) {
    var index = UInt64(header.sectionNameTableIndex)
    if index == 0xffff, let zero { index = UInt64(zero.link) }
    guard index != 0, sectionHeaderCount > 0 else { return }
    guard index < UInt64(sectionHeaderCount) else {
      throw ParseError(
        .invalidValue, field: "e_shstrndx", at: place(62, 50), found: index,
        allowed: .atMost(UInt64(sectionHeaderCount - 1)))
    }
    sectionNameTable = Int(index)
  }

  private func checkSectionEntrySize() throws(ParseError) {
    guard header.sectionHeaderEntrySize == header.class.sectionHeaderSize else {
      throw ParseError(
        .invalidValue, field: "e_shentsize", at: place(58, 46), found: UInt64(header.sectionHeaderEntrySize),
        allowed: .exactly(UInt64(header.class.sectionHeaderSize)))
    }
  }

  /// Proves that a table of at most 2²⁰ entries of 16-bit size lies inside the file; the product cannot overflow.
  private func checkTable(
    _ field: Sentence, at place: UInt64, offset: UInt64, count: UInt64, entrySize: UInt16, in bytes: RawSpan
  ) throws(ParseError) {
    let size = count * UInt64(entrySize)
    guard bytes.holds(size, at: offset) else {
      let total = UInt64(bytes.byteCount)
      throw ParseError(
        .outsideFile, field: field, at: place, found: offset,
        allowed: size <= total ? .atMost(total - size) : .rule("the whole table lies inside the file"))
    }
  }
}
