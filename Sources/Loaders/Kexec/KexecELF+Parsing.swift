import BootProtocols
import KernelImage
import Placement

extension KexecELF {
  /// Every check of kexec's, in its order.
  init(_ header: LenientELF, in bytes: RawSpan) throws(KexecELFFailure) {
    try Self.checkIdentity(header, in: bytes)
    is64 = header.is64
    isBigEndian = header.data == 2
    let order = FieldOrder(is64: is64, isBigEndian: isBigEndian)
    type = order.half(header.type)
    machine = order.half(header.machine)
    entry = order.address(header.entry)
    try Self.checkSizes(header, order)
    try readSegments(header, order, in: bytes)
    let sectionNotes = try Self.checkSections(header, order, in: bytes)
    try checkNotes(header, order, sectionNotes, in: bytes)
    // kexec-elf-exec.c: 2 is ET_EXEC, 3 ET_DYN, 4 ET_CORE.
    guard (2...4).contains(type) else {
      throw KexecELFFailure("Not ELF type ET_EXEC, ET_DYN or ET_CORE", "e_type \(type)")
    }
    guard !segments.isEmpty else {
      throw KexecELFFailure("No ELF program header", "e_phnum \(order.half(header.programHeaderCount))")
    }
    if let interpreter = segments.firstIndex(where: { $0.type == 3 }) {
      throw KexecELFFailure("Requires an ELF interpreter", "program header \(interpreter), p_type 3 (PT_INTERP)")
    }
  }

  private static func checkIdentity(_ header: LenientELF, in bytes: RawSpan) throws(KexecELFFailure) {
    guard bytes.byteCount >= 16, header.hasMagic else {
      throw KexecELFFailure("NO ELF header magic", "e_ident, \(bytes.byteCount) bytes")
    }
    guard header.fileClass == 1 || header.fileClass == 2 else {
      throw KexecELFFailure("Not a supported ELF class", "EI_CLASS \(header.fileClass ?? 0)")
    }
    guard header.data == 1 || header.data == 2 else {
      throw KexecELFFailure("Not a supported ELF data format", "EI_DATA \(header.data ?? 0)")
    }
    guard bytes.byteCount >= (header.is64 ? 64 : 52) else {
      throw KexecELFFailure("Buffer is to small to hold ELF header", "\(bytes.byteCount) bytes")
    }
  }

  private static func checkSizes(_ header: LenientELF, _ order: FieldOrder) throws(KexecELFFailure) {
    guard order.half(header.headerSize) == (header.is64 ? 64 : 52) else {
      throw KexecELFFailure("Bad ELF header size", "e_ehsize \(order.half(header.headerSize))")
    }
    let entrySize = order.half(header.programHeaderEntrySize)
    guard order.half(header.programHeaderCount) == 0 || entrySize == header.programHeaderSize else {
      throw KexecELFFailure("ELF bad program header size", "e_phentsize \(entrySize)")
    }
    let sectionSize = order.half(header.sectionHeaderEntrySize)
    guard order.half(header.sectionHeaderCount) == 0 || sectionSize == header.sectionHeaderSize else {
      throw KexecELFFailure("ELF bad section header size", "e_shentsize \(sectionSize)")
    }
    guard header.identVersion == 1, order.word(header.version) == 1 else {
      throw KexecELFFailure(
        "Unknown ELF version", "EI_VERSION \(header.identVersion ?? 0), e_version \(order.word(header.version))")
    }
  }

  private mutating func readSegments(
    _ header: LenientELF, _ order: FieldOrder, in bytes: RawSpan
  ) throws(KexecELFFailure) {
    let table = order.address(header.programHeaderOffset)
    let count = order.half(header.programHeaderCount)
    guard table > 0, count > 0 else { return }
    let size = UInt64(bytes.byteCount)
    let end = table &+ count &* header.programHeaderSize
    guard end <= size else {
      throw KexecELFFailure("ELF program headers truncated", "e_phoff \(hex(table)), e_phnum \(count)")
    }
    guard table <= end else { throw KexecELFFailure(.wild, "e_phoff \(hex(table)), e_phnum \(count)") }
    for index in 0..<count {
      guard let raw = header.segment(at: table + index * header.programHeaderSize, in: bytes) else { return }
      let segment = order.segment(raw)
      let name = "program header \(index)"
      let place = "\(name), p_offset \(hex(segment.offset)), p_filesz \(hex(segment.fileSize))"
      guard segment.offset &+ segment.fileSize <= size else {
        throw KexecELFFailure("ELF segment not in file", place)
      }
      guard
        segment.physicalAddress == .max || segment.physicalAddress &+ segment.memorySize >= segment.physicalAddress
      else {
        throw KexecELFFailure(
          "ELF address wrap around",
          "\(name), p_paddr \(hex(segment.physicalAddress)), p_memsz \(hex(segment.memorySize))")
      }
      guard segment.offset <= size else { throw KexecELFFailure(.wild, place) }
      segments.append(segment)
    }
  }

  /// Checks every section; returns the first SHT_NOTE.
  private static func checkSections(
    _ header: LenientELF, _ order: FieldOrder, in bytes: RawSpan
  ) throws(KexecELFFailure) -> LenientELF.Section? {
    let table = order.address(header.sectionHeaderOffset)
    let count = order.half(header.sectionHeaderCount)
    guard table > 0, count > 0 else { return nil }
    let size = UInt64(bytes.byteCount)
    let end = table &+ count &* header.sectionHeaderSize
    guard end <= size else {
      throw KexecELFFailure("ELF section header does not fit in file", "e_shoff \(hex(table)), e_shnum \(count)")
    }
    guard table <= end else { throw KexecELFFailure(.wild, "e_shoff \(hex(table)), e_shnum \(count)") }
    var notes: LenientELF.Section?
    for index in 0..<count {
      guard let raw = header.section(at: table + index * header.sectionHeaderSize, in: bytes) else { break }
      let section = order.section(raw)
      try check(section, index, fileSize: size, is64: header.is64)
      if section.type == 7, notes == nil { notes = section }
    }
    return notes
  }

  private static func check(
    _ section: LenientELF.Section, _ index: UInt64, fileSize: UInt64, is64: Bool
  ) throws(KexecELFFailure) {
    // SHT_SYMTAB, SHT_RELA, SHT_DYNAMIC and SHT_REL must have entries of the class's size.
    let entrySize: UInt64? =
      switch section.type {
      case 2, 4: is64 ? 24 : section.type == 2 ? 16 : 12
      case 6: is64 ? 16 : 8
      case 9: is64 ? 16 : 8
      default: nil
      }
    guard entrySize == nil || entrySize == section.entrySize else {
      throw KexecELFFailure(
        "Bad section header(\(String(section.type, radix: 16))) entsize: \(section.entrySize)",
        "section \(index), sh_entsize \(section.entrySize)")
    }
    guard section.type == 8 || section.offset &+ section.size <= fileSize else {
      throw KexecELFFailure(
        "ELF section \(index) not in file", "section \(index), sh_offset \(hex(section.offset))")
    }
    guard section.address &+ section.size >= section.address else {
      throw KexecELFFailure("ELF address wrap around", "section \(index), sh_addr \(hex(section.address))")
    }
  }
}
