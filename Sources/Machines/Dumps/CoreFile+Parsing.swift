import Addresses
import KernelImage

extension CoreFile {
  /// Decodes the program headers and the notes of a little-endian ELF core.
  ///
  /// - Throws: ``ParseError`` with the field that breaks a rule: what a header points at lies inside the file, and counts
  ///   are bounded.
  init(parsing bytes: RawSpan) throws(ParseError) {
    let elfClass = try Self.identify(bytes)
    self.init(elfClass: elfClass, machine: Machine(rawValue: try bytes.read(UInt16.self, at: 18, field: "e_machine")))
    let type = try bytes.read(UInt16.self, at: 16, field: "e_type")
    guard type == ObjectType.core.rawValue else {
      throw ParseError(.invalidValue, field: "e_type", at: 16, found: UInt64(type), allowed: .exactly(4))
    }
    try readProgramHeaders(bytes)
    set(try DumpRegisters.processors(of: self, in: bytes))
  }

  private static func identify(_ bytes: RawSpan) throws(ParseError) -> ELFClass {
    let magic = try bytes.read(UInt32.self, at: 0, field: "EI_MAG0")
    guard magic == 0x464c_457f else {
      throw ParseError(.unrecognised, field: "EI_MAG0", at: 0, found: UInt64(magic), allowed: .exactly(0x464c_457f))
    }
    let rawClass = try bytes.read(UInt8.self, at: 4, field: "EI_CLASS")
    guard let elfClass = ELFClass(rawValue: rawClass) else {
      throw ParseError(
        .invalidValue, field: "EI_CLASS", at: 4, found: UInt64(rawClass), allowed: .rule("1 (32 bits) or 2 (64 bits)"))
    }
    let order = try bytes.read(UInt8.self, at: 5, field: "EI_DATA")
    guard order == ByteOrder.little.rawValue else {
      throw ParseError(.unsupported, field: "EI_DATA", at: 5, found: UInt64(order), allowed: .exactly(1))
    }
    return elfClass
  }

  /// A field's place, or size, in the structures of 64 and of 32 bits.
  private func choose(_ wide: UInt64, _ narrow: UInt64) -> UInt64 { elfClass == .bits64 ? wide : narrow }

  /// Reads an address or an offset, whose width is that of the class.
  private func word(_ bytes: RawSpan, at offset: UInt64, field: @autoclosure () -> Sentence) throws(ParseError)
    -> UInt64
  {
    elfClass == .bits64
      ? try bytes.read(UInt64.self, at: offset, field: field())
      : UInt64(try bytes.read(UInt32.self, at: offset, field: field()))
  }

  private mutating func readProgramHeaders(_ bytes: RawSpan) throws(ParseError) {
    let count = try programHeaderCount(bytes)
    guard count > 0 else { return }
    let table = try word(bytes, at: choose(32, 28), field: "e_phoff")
    let size = try bytes.read(UInt16.self, at: choose(54, 42), field: "e_phentsize")
    guard size == elfClass.programHeaderSize else {
      throw ParseError(
        .invalidValue, field: "e_phentsize", at: choose(54, 42), found: UInt64(size),
        allowed: .exactly(UInt64(elfClass.programHeaderSize)))
    }
    // At most 65,536 times 56: no overflow.
    guard bytes.holds(count * UInt64(size), at: table) else {
      throw ParseError(
        .outsideFile, field: "e_phoff", at: choose(32, 28), found: table,
        allowed: .rule("the whole table lies inside the file"))
    }
    for index in 0..<count {
      try readProgramHeader(bytes, at: table &+ index * UInt64(size), index: index)
    }
  }

  /// e_phnum, or sh_info of section 0 where 16 bits do not do (gABI, ch. 4, PN_XNUM).
  private func programHeaderCount(_ bytes: RawSpan) throws(ParseError) -> UInt64 {
    let short = UInt64(try bytes.read(UInt16.self, at: choose(56, 44), field: "e_phnum"))
    guard short == 0xffff else { return short }
    let table = try word(bytes, at: choose(40, 32), field: "e_shoff")
    guard bytes.holds(choose(64, 40), at: table) else {
      throw ParseError(
        .outsideFile, field: "e_shoff", at: choose(40, 32), found: table,
        allowed: .rule("section header 0, which holds the number of program headers, lies inside the file"))
    }
    let place = table &+ choose(44, 28)
    let count = UInt64(try bytes.read(UInt32.self, at: place, field: "section header 0: sh_info"))
    guard count <= Self.programHeaderLimit else {
      throw ParseError(
        .tooMany, field: "section header 0: sh_info", at: place, found: count, allowed: .atMost(Self.programHeaderLimit)
      )
    }
    return count
  }

  private mutating func readProgramHeader(_ bytes: RawSpan, at header: UInt64, index: UInt64) throws(ParseError) {
    func name(_ field: Sentence) -> Sentence { "program header \(index): \(field)" }
    let type = SegmentType(rawValue: try bytes.read(UInt32.self, at: header, field: name("p_type")))
    guard type == .load || type == .note else { return }
    let offset = try word(bytes, at: header &+ choose(8, 4), field: name("p_offset"))
    let count = try word(bytes, at: header &+ choose(32, 16), field: name("p_filesz"))
    guard count > 0 else { return }
    let size = UInt64(bytes.byteCount)
    guard offset <= size else {
      throw ParseError(
        .outsideFile, field: name("p_offset"), at: header &+ choose(8, 4), found: offset, allowed: .atMost(size))
    }
    guard let range = bytes.range(at: offset, count: count) else {
      throw ParseError(
        .outsideFile, field: name("p_filesz"), at: header &+ choose(32, 16), found: count,
        allowed: .atMost(size - offset)
      )
    }
    if type == .note { return try readNotes(bytes, in: range) }
    let physical = try word(bytes, at: header &+ choose(24, 12), field: name("p_paddr"))
    append(Segment(physicalAddress: physical, bytes: range))
  }

  /// Goes from note to note. Each step is at least the 12 bytes of a header, so that the walk ends.
  ///
  ///     n_namesz │ n_descsz │ n_type │ name … pad │ descriptor … pad
  private mutating func readNotes(_ bytes: RawSpan, in range: FileRange) throws(ParseError) {
    var position = range.start.value
    let end = range.endValue
    while end - position >= 12 {
      func name(_ field: Sentence) -> Sentence { "note at 0x\(String(position, radix: 16)): \(field)" }
      let room = end - position
      let nameSize = UInt64(try bytes.read(UInt32.self, at: position, field: name("n_namesz")))
      let descriptorSize = UInt64(try bytes.read(UInt32.self, at: position &+ 4, field: name("n_descsz")))
      let type = try bytes.read(UInt32.self, at: position &+ 8, field: name("n_type"))
      // Sums of 32-bit sizes: no overflow. The padding behind the last note may be missing.
      let start = 12 + (nameSize + 3) & ~3
      guard 12 + nameSize <= room else {
        throw ParseError(
          .invalidValue, field: name("n_namesz"), at: position, found: nameSize, allowed: .atMost(room - 12))
      }
      guard descriptorSize == 0 || start + descriptorSize <= room else {
        throw ParseError(
          .invalidValue, field: name("n_descsz"), at: position &+ 4, found: descriptorSize,
          allowed: .atMost(room > start ? room - start : 0))
      }
      noteCount += 1
      guard noteCount <= Self.noteLimit else {
        throw ParseError(
          .tooMany, field: "notes", at: position, found: UInt64(noteCount),
          allowed: .atMost(UInt64(Self.noteLimit)))
      }
      keepNote(bytes, at: position, nameSize, type, descriptor: position &+ start, descriptorSize)
      position &+= min(room, (start + descriptorSize + 3) & ~3)
    }
  }

  private mutating func keepNote(
    _ bytes: RawSpan, at position: UInt64, _ nameSize: UInt64, _ type: UInt32, descriptor: UInt64, _ size: UInt64
  ) {
    let isQEMU = nameSize == 5 && bytes.spells("QEMU\0", at: position &+ 12)
    guard isQEMU || (nameSize == 5 && bytes.spells("CORE\0", at: position &+ 12)),
      let range = bytes.range(at: descriptor, count: size)
    else { return }
    append(Note(isQEMU: isQEMU, type: type, descriptor: range))
  }
}
