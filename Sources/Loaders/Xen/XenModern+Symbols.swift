import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenModern {
  /// The symbols behind the kernel, dressed as an ELF file (`elf_load_bsdsyms`).
  ///
  ///     size   ELF header   section headers: none, symbols, names   symbols   names
  func copySymbols(
    _ bytes: RawSpan, _ arranged: XenArrangement, into prediction: inout LoadPlan
  ) throws(XenStop) {
    guard let symbols = elf.symbols, symbols.start != 0 else { return }
    guard bytes.holds(symbols.table.size, at: symbols.table.offset),
      bytes.holds(symbols.names.size, at: symbols.names.offset)
    else {
      throw .misbehaves(
        Misbehaviour(
          "copies what lies in memory behind the image",
          evidence: "symbols at \(hex(symbols.table.offset)), names at \(hex(symbols.names.offset))",
          rule: Rule("the source of a copy is not checked", source: "\(XenSource.loader), elf_load_bsdsyms")))
    }
    let base = elf.kernelStart &+ symbols.start &- elf.physicalStart &- arranged.total.start.value
    prediction.add(symbols, at: base, is64: is64, in: bytes)
  }
}

extension LoadPlan {
  /// Adds the block at a pseudo-physical address.
  mutating func add(_ symbols: XenSymbols, at base: UInt64, is64: Bool, in bytes: RawSpan) {
    let word: UInt64 = is64 ? 8 : 4
    // A size, room for a 64-bit ELF header and for three of its section headers.
    let table = (base &+ 4 &+ 64 &+ 3 * 64).roundedUp(to: word)
    let names = (table &+ symbols.table.size).roundedUp(to: word)
    add(symbols.table, at: table, "symbols")
    add(symbols.names, at: names, "symbols' names")
    let header = XenSymbolHeader(bytes, is64: is64)
    let size = names &+ symbols.names.size &- base &- 4
    add(blob: XenSymbolHeader.word(size) + header.fileHeader, at: base, "symbols' ELF header")
    let sections =
      header.section(symbols.table, link: 2, offset: table &- base &- 4)
      + header.section(symbols.names, link: symbols.names.link, offset: names &- base &- 4)
    add(blob: sections, at: base &+ 68 &+ (is64 ? 64 : 40), "symbols' section headers")
    remarks.append(
      Remark(
        .unspecified,
        "Section header 0 of the symbols\(is64 ? "" : ", and 12 bytes behind their ELF header,") is whatever "
          + "the loader's stack held.",
        rule: Rule("a local variable is not cleared", source: "\(XenSource.loader), elf_load_bsdsyms")))
  }

  private mutating func add(_ section: LenientELF.Section, at place: UInt64, _ owner: String) {
    guard section.size > 0 else { return }
    let bytes = FileRange(uncheckedStart: FileOffset(unchecked: section.offset), count: ByteCount(section.size))
    pieces.append(
      Piece(
        source: .image(bytes),
        destination: PhysicalRange(
          uncheckedStart: PhysicalAddress(unchecked: place), count: ByteCount(section.size)), owner: owner))
  }

  private mutating func add(blob bytes: [UInt8], at place: UInt64, _ owner: String) {
    pieces.append(
      Piece(
        source: .blob(blobs.count),
        destination: PhysicalRange(
          uncheckedStart: PhysicalAddress(unchecked: place), count: ByteCount(UInt64(bytes.count))), owner: owner))
    blobs.append(Blob(name: owner, bytes: bytes))
  }
}

/// The headers of the block, as the image's own but for what the loader stores in them.
private struct XenSymbolHeader {
  let is64: Bool
  /// e_ident to e_shstrndx.
  let fileHeader: [UInt8]

  init(_ bytes: RawSpan, is64: Bool) {
    self.is64 = is64
    let count = is64 ? 64 : 52
    var header = (0..<UInt64(count)).map { bytes.load(UInt8.self, at: $0) ?? 0 }
    let width = is64 ? 8 : 4
    let tail = 24 + 3 * width + 4
    // e_version, e_phoff, e_shoff; e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx.
    let fields: [(Int, Int, UInt64)] = [
      (20, 4, 1), (24 + width, width, 0), (24 + 2 * width, width, 64), (tail, 2, UInt64(count)), (tail + 2, 2, 0),
      (tail + 4, 2, 0), (tail + 6, 2, is64 ? 64 : 40), (tail + 8, 2, 3), (tail + 10, 2, 0),
    ]
    for (place, size, value) in fields {
      for index in 0..<size { header[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }
    fileHeader = header
  }

  static func word(_ value: UInt64, _ size: Int = 4) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  func section(_ section: LenientELF.Section, link: UInt64, offset: UInt64) -> [UInt8] {
    let width = is64 ? 8 : 4
    var bytes = Self.word(section.name) + Self.word(section.type)
    for field in [section.flags, section.address, offset, section.size] { bytes += Self.word(field, width) }
    bytes += Self.word(link) + Self.word(section.info)
    return bytes + Self.word(section.alignment, width) + Self.word(section.entrySize, width)
  }
}
