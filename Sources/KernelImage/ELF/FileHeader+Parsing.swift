import Addresses

extension FileHeader {
  /// Decodes the header at the start of an ELF file of either class and byte order.
  ///
  /// - Throws: ``ParseError`` when the bytes are no ELF file, end too early, or EI_CLASS, EI_DATA, EI_VERSION,
  /// e_version
  ///   or e_ehsize holds what the gABI does not define.
  public init(parsing bytes: RawSpan) throws(ParseError) {
    let ident = try Ident(parsing: bytes)
    let order = ident.byteOrder
    `class` = ident.class
    byteOrder = order
    identVersion = 1
    osABI = ident.osABI
    abiVersion = ident.abiVersion
    var cursor = WordCursor(offset: 16, order: order, class: ident.class)
    type = ObjectType(rawValue: try cursor.next(UInt16.self, of: bytes, field: "e_type"))
    machine = Machine(rawValue: try cursor.next(UInt16.self, of: bytes, field: "e_machine"))
    version = try cursor.next(UInt32.self, of: bytes, field: "e_version")
    guard version == 1 else {
      throw ParseError(.invalidValue, field: "e_version", at: 20, found: UInt64(version), allowed: .exactly(1))
    }
    entry = LinkAddress(unchecked: try cursor.address(of: bytes, field: "e_entry"))
    programHeaderOffset = try cursor.address(of: bytes, field: "e_phoff")
    sectionHeaderOffset = try cursor.address(of: bytes, field: "e_shoff")
    flags = try cursor.next(UInt32.self, of: bytes, field: "e_flags")
    let sizeOffset = cursor.offset
    headerSize = try cursor.next(UInt16.self, of: bytes, field: "e_ehsize")
    guard headerSize == ident.class.fileHeaderSize else {
      throw ParseError(
        .invalidValue, field: "e_ehsize", at: sizeOffset, found: UInt64(headerSize),
        allowed: .exactly(UInt64(ident.class.fileHeaderSize)))
    }
    programHeaderEntrySize = try cursor.next(UInt16.self, of: bytes, field: "e_phentsize")
    programHeaderCount = try cursor.next(UInt16.self, of: bytes, field: "e_phnum")
    sectionHeaderEntrySize = try cursor.next(UInt16.self, of: bytes, field: "e_shentsize")
    sectionHeaderCount = try cursor.next(UInt16.self, of: bytes, field: "e_shnum")
    sectionNameTableIndex = try cursor.next(UInt16.self, of: bytes, field: "e_shstrndx")
  }
}

/// The part of e_ident that says how to read the rest.
private struct Ident {
  let `class`: ELFClass
  let byteOrder: ByteOrder
  let osABI: OSABI
  let abiVersion: UInt8

  init(parsing bytes: RawSpan) throws(ParseError) {
    // Bytes, but for the magic number, which is read as if it were little-endian.
    var cursor = WordCursor(offset: 0, class: .bits32)
    let magic = try cursor.next(UInt32.self, of: bytes, field: "EI_MAG")
    guard magic == 0x464c_457f else {
      throw ParseError(.unrecognised, field: "EI_MAG", at: 0, found: UInt64(magic), allowed: .exactly(0x464c_457f))
    }
    let rawClass = try cursor.next(UInt8.self, of: bytes, field: "EI_CLASS")
    guard let elfClass = ELFClass(rawValue: rawClass) else {
      throw ParseError(
        .invalidValue, field: "EI_CLASS", at: 4, found: UInt64(rawClass), allowed: .rule("1 (32 bits) or 2 (64 bits)"))
    }
    let rawOrder = try cursor.next(UInt8.self, of: bytes, field: "EI_DATA")
    guard let order = ByteOrder(rawValue: rawOrder) else {
      throw ParseError(
        .invalidValue, field: "EI_DATA", at: 5, found: UInt64(rawOrder), allowed: .rule("1 (little) or 2 (big endian)"))
    }
    let version = try cursor.next(UInt8.self, of: bytes, field: "EI_VERSION")
    guard version == 1 else {
      throw ParseError(.invalidValue, field: "EI_VERSION", at: 6, found: UInt64(version), allowed: .exactly(1))
    }
    `class` = elfClass
    byteOrder = order
    osABI = OSABI(rawValue: try cursor.next(UInt8.self, of: bytes, field: "EI_OSABI"))
    abiVersion = try cursor.next(UInt8.self, of: bytes, field: "EI_ABIVERSION")
  }
}
