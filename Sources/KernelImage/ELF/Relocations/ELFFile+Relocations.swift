import Addresses

extension ELFFile {
  /// Every relocation section, with its entries counted by type. One pass over the entries.
  ///
  /// - Throws: ``ParseError`` when a section's entries have not the size that the class asks for, and when the sections
  ///   share so many bytes that together they are larger than the file.
  public func relocationSections(in bytes: RawSpan) throws(ParseError) -> [RelocationSection] {
    var found: [RelocationSection] = []
    try checkTotalSize(of: [.relocations, .relocationsWithAddends, .packedRelocations], in: bytes)
    for section in sectionHeaders {
      switch section.type {
      case .relocations: found.append(try counted(section, .rel, in: bytes))
      case .relocationsWithAddends: found.append(try counted(section, .rela, in: bytes))
      case .packedRelocations: found.append(try packed(section, in: bytes))
      default: continue
      }
    }
    return found
  }

  private func counted(
    _ section: SectionHeader, _ kind: RelocationSection.Kind, in bytes: RawSpan
  ) throws(ParseError) -> RelocationSection {
    let width = header.class.addressSize * (kind == .rela ? 3 : 2)
    let count = try section.entryCount(of: width, class: header.class)
    var counts = TypeCounts()
    var offset = section.fileRange.start.value &+ header.class.addressSize
    for _ in 0..<count {
      // r_info: the type is its low 32 bits in Elf64_Rela, its low 8 in Elf32_Rel. Both lie in the low word.
      let info = try bytes.read(UInt32.self, at: offset, field: "section \(section.index): r_info")
      counts.add(header.class == .bits64 ? info : info & 0xff)
      offset &+= width
    }
    return RelocationSection(
      section: section.index, kind: kind, fileRange: section.fileRange, entryCount: count, placeCount: count,
      types: counts.nonzero, otherCount: counts.others)
  }

  /// SHT_RELR: an even word is a place; an odd word is a bitmap of the words behind it, bit 0 not counted.
  private func packed(_ section: SectionHeader, in bytes: RawSpan) throws(ParseError) -> RelocationSection {
    let width = header.class.addressSize
    let count = try section.entryCount(of: width, class: header.class)
    var places: UInt64 = 0
    var cursor = WordCursor(
      offset: section.fileRange.start.value, class: header.class, structure: "section", index: section.index)
    for _ in 0..<count {
      let word = try cursor.address(of: bytes, field: "RELR word")
      places &+= word & 1 == 0 ? 1 : UInt64((word >> 1).nonzeroBitCount)
    }
    return RelocationSection(
      section: section.index, kind: .relr, fileRange: section.fileRange, entryCount: count, placeCount: places,
      types: [], otherCount: 0)
  }
}

extension SectionHeader {
  /// How many entries of `width` bytes the section's table has.
  ///
  /// - Throws: ``ParseError`` when sh_entsize is another, or sh_size is no multiple of it.
  func entryCount(of width: UInt64, class: ELFClass) throws(ParseError) -> UInt64 {
    let isWide = `class` == .bits64
    guard fileRange.count.value == 0 || entrySize == width else {
      throw ParseError(
        .invalidValue, field: "section header \(index): sh_entsize", at: headerOffset.value &+ (isWide ? 56 : 36),
        found: entrySize, allowed: .exactly(width))
    }
    guard fileRange.count.value % width == 0 else {
      throw ParseError(
        .invalidValue, field: "section header \(index): sh_size", at: headerOffset.value &+ (isWide ? 32 : 20),
        found: size.value, allowed: .multipleOf(width))
    }
    return fileRange.count.value / width
  }
}

/// Counters by type. No psABI of ours numbers beyond them, so that a hostile table costs no more than an honest one.
private struct TypeCounts {
  private var counters: [UInt64] = Array(repeating: 0, count: 2048)
  private(set) var others: UInt64 = 0

  mutating func add(_ type: UInt32) {
    if type < UInt32(counters.count) { counters[Int(type)] &+= 1 } else { others &+= 1 }
  }

  var nonzero: [RelocationSection.TypeCount] {
    var types: [RelocationSection.TypeCount] = []
    for (type, count) in counters.enumerated() where count > 0 {
      types.append(RelocationSection.TypeCount(type: RelocationType(rawValue: UInt32(type)), count: count))
    }
    return types
  }
}
