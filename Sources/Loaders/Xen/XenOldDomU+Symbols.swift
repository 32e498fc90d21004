import Addresses
import KernelImage
import Placement

/// The symbol tables that BSD_SYMTAB puts behind the kernel (`loadelfsymtab`): a count, an ELF header, all section
/// headers, and each SHT_SYMTAB with each SHT_STRTAB that one links to, at multiples of a word.
struct XenOldSymbols {
  private struct Table {
    var index, address, offset, size: UInt64
  }

  private var tables: [Table] = []
  /// String tables that no symbol table links to: their headers lose the offset and keep the name.
  private var unlinked: [UInt64] = []
  /// Where the count stands, a guest virtual address; the ELF header follows it.
  private let start: UInt64
  /// Behind the last table, up to a page.
  let end: UInt64
  private let is64: Bool
  private let mask: UInt64
  private let headers: UInt64
  private let domain: XenOldDomU

  private var headerSize: UInt64 { is64 ? 64 : 52 }
  private var sectionSize: UInt64 { is64 ? 64 : 40 }

  /// - Returns: nil where the image does not ask for them, or none holds a byte.
  init?(_ file: LenientELF, _ bytes: RawSpan, _ domain: XenOldDomU) throws(XenStop) {
    guard domain.wishes.hasSymbols else { return nil }
    let count = file.sectionHeaderCount ?? 0
    let word: UInt64 = domain.is64 ? 8 : 4
    self.domain = domain
    is64 = domain.is64
    mask = domain.mask
    headers = file.sectionHeaderOffset ?? 0
    func rounded(_ value: UInt64) -> UInt64 { (value &+ word &- 1) & ~(word &- 1) & domain.mask }
    start = rounded(domain.kernelEnd)
    let headSize: UInt64 = domain.is64 ? 64 : 52
    let stride: UInt64 = domain.is64 ? 64 : 40
    var sections: [LenientELF.Section] = []
    for index in 0..<count {
      // The headers are taken for as long as the specification has them, whatever e_shentsize says.
      guard let section = file.section(index, stride: stride, in: bytes) else {
        throw domain.readsBehind("section header \(index), e_shentsize \(file.sectionHeaderEntrySize ?? 0)")
      }
      sections.append(section)
    }
    var isLinked = [Bool](repeating: false, count: sections.count)
    for section in sections where section.type == 2 && section.link < count { isLinked[Int(section.link)] = true }
    var place = rounded(start &+ 4 &+ headSize &+ count &* stride)
    var total: UInt64 = 0
    for (index, section) in sections.enumerated() where section.type == 2 || section.type == 3 {
      guard section.type == 2 || isLinked[index] else {
        unlinked.append(UInt64(index))
        continue
      }
      tables.append(Table(index: UInt64(index), address: place, offset: section.offset, size: section.size))
      total = (total &+ section.size) & mask
      place = rounded(place &+ section.size)
    }
    end = (place &+ 4095) & ~4095 & mask
    guard total != 0 else { return nil }
    last = place
  }

  /// Behind the last table.
  private let last: UInt64

  func copy(
    _ bytes: RawSpan, from base: UInt64, pages: UInt64, into prediction: inout LoadPlan
  ) throws(XenStop) {
    for table in tables where table.size > 0 {
      let evidence = "section header \(table.index), sh_offset \(hex(table.offset)), sh_size \(hex(table.size))"
      guard bytes.holds(table.size, at: table.offset) else { throw domain.readsBehind(evidence) }
      let address = (table.address &- base) & mask
      try domain.check(address, table.size, pages: pages, evidence)
      prediction.pieces.append(
        Piece(
          source: .image(
            FileRange(uncheckedStart: FileOffset(unchecked: table.offset), count: ByteCount(table.size))),
          destination: PhysicalRange(
            uncheckedStart: PhysicalAddress(unchecked: address), count: ByteCount(table.size)),
          owner: "section \(table.index)"))
    }
    let head = head(bytes)
    let address = (start &- base) & mask
    try domain.check(address, UInt64(head.count), pages: pages, "BSD_SYMTAB at \(hex(start))")
    prediction.pieces.append(
      Piece(
        source: .blob(prediction.blobs.count),
        destination: PhysicalRange(
          uncheckedStart: PhysicalAddress(unchecked: address), count: ByteCount(UInt64(head.count))),
        owner: "symbol table header"))
    prediction.blobs.append(Blob(name: "symbol table header", bytes: head))
  }

  /// The count of bytes behind it, the image's ELF header without program headers, and its section headers with offsets
  /// from that header and without names.
  private func head(_ bytes: RawSpan) -> [UInt8] {
    let width: UInt64 = is64 ? 8 : 4
    let count = bytes.wide(UInt16.self, at: is64 ? 60 : 48) ?? 0
    var head = little((last &- start &- 4) & mask, 4)
    for place in 0..<headerSize { head.append(bytes.load(UInt8.self, at: place) ?? 0) }
    func put(_ value: UInt64, _ size: UInt64, at place: UInt64) {
      head.replaceSubrange(Int(place)..<Int(place + size), with: little(value, size))
    }
    // Behind the count: e_phoff, e_shoff, then e_phentsize and e_phnum, and e_shstrndx at the end.
    put(0, width, at: 4 + 24 + width)
    put(headerSize, width, at: 4 + 24 + 2 * width)
    put(0, 4, at: 4 + headerSize - 10)
    put(0, 2, at: 4 + headerSize - 2)
    for place in headers..<headers + count * sectionSize { head.append(bytes.load(UInt8.self, at: place) ?? 0) }
    let first = 4 + headerSize
    var keepsName = [Bool](repeating: false, count: Int(count))
    for index in unlinked {
      keepsName[Int(index)] = true
      put(0, width, at: first + index * sectionSize + 8 + 2 * width)
    }
    for index in 0..<count where !keepsName[Int(index)] { put(0, 4, at: first + index * sectionSize) }
    for table in tables {
      put((table.address &- start &- 4) & mask, width, at: first + table.index * sectionSize + 8 + 2 * width)
    }
    return head
  }

  private func little(_ value: UInt64, _ size: UInt64) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}
