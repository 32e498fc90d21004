import KernelImage

/// Appends the words of ELF structures in the class and byte order of the file.
struct ELFWriter {
  var bytes: [UInt8] = []
  let elfClass: ELFClass
  let byteOrder: ByteOrder

  init(class: ELFClass, byteOrder: ByteOrder) {
    elfClass = `class`
    self.byteOrder = byteOrder
  }

  mutating func half(_ value: UInt16) { append(UInt64(value), width: 2) }
  mutating func word(_ value: UInt32) { append(UInt64(value), width: 4) }
  /// An address or offset: as wide as the class, cut where it does not fit.
  mutating func address(_ value: UInt64) { append(value, width: Int(elfClass.addressSize)) }

  mutating func pad(to alignment: UInt64, congruentTo value: UInt64 = 0) {
    guard alignment > 1 else { return }
    while UInt64(bytes.count) % alignment != value % alignment { bytes.append(0) }
  }

  private mutating func append(_ value: UInt64, width: Int) {
    for index in 0..<width {
      let shift = byteOrder == .little ? index * 8 : (width - 1 - index) * 8
      bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
    }
  }
}

extension ELFBuilder {
  /// The finished file.
  public func build() -> [UInt8] {
    var all = segments
    if !notes.isEmpty {
      all.append(
        Segment(
          type: .note, flags: [.read], virtual: 0, physical: 0, bytes: notes, memorySize: UInt64(notes.count),
          alignment: 4))
    }
    let tableEnd = Int(elfClass.fileHeaderSize) + all.count * Int(elfClass.programHeaderSize)
    var body = ELFWriter(class: elfClass, byteOrder: byteOrder)
    body.bytes = Array(repeating: 0, count: tableEnd)
    let segmentOffsets = place(all, in: &body)
    let sectionTable = placeSections(in: &body, segmentCount: all.count)
    var head = fileHeader(segmentCount: all.count, sectionTable: sectionTable)
    for (segment, offset) in zip(all, segmentOffsets) { head.append(segment, at: offset) }
    body.bytes.replaceSubrange(0..<tableEnd, with: head.bytes)
    return body.bytes
  }

  private func place(_ all: [Segment], in body: inout ELFWriter) -> [UInt64] {
    var offsets: [UInt64] = []
    for segment in all {
      if let part = segment.part {
        offsets.append(offsets[part.of] + part.offset)
        continue
      }
      body.pad(to: segment.alignment, congruentTo: segment.virtual)
      offsets.append(UInt64(body.bytes.count))
      body.bytes += segment.bytes
    }
    return offsets
  }

  /// Writes the sections' bytes and their table; the offset of the table, 0 when there is none.
  private func placeSections(in body: inout ELFWriter, segmentCount: Int) -> UInt64 {
    guard !sections.isEmpty || segmentCount >= 0xffff else { return 0 }
    var names: [UInt8] = [0]
    var headers = ELFWriter(class: elfClass, byteOrder: byteOrder)
    headers.append(sectionZero(segmentCount: segmentCount), name: 0, at: 0)
    for section in sections {
      body.pad(to: section.alignment)
      headers.append(section, name: UInt32(names.count), at: UInt64(body.bytes.count))
      names += Array(section.name.utf8) + [0]
      if section.type != .noBits { body.bytes += section.bytes }
    }
    let nameOffset = UInt32(names.count)
    names += Array(".shstrtab".utf8) + [0]
    let table = Section(
      name: ".shstrtab", type: .stringTable, flags: [], address: 0, bytes: names, size: UInt64(names.count), link: 0,
      info: 0, alignment: 1, entrySize: 0)
    headers.append(table, name: nameOffset, at: UInt64(body.bytes.count))
    body.bytes += names
    body.pad(to: 8)
    let offset = UInt64(body.bytes.count)
    body.bytes += headers.bytes
    return offset
  }

  /// Section 0 holds the counts that do not fit the header (gABI ch. 4).
  private func sectionZero(segmentCount: Int) -> Section {
    let count = sections.count + 2
    return Section(
      name: "", type: .null, flags: [], address: 0, bytes: [], size: count >= 0xff00 ? UInt64(count) : 0,
      link: count - 1 >= 0xff00 ? UInt32(count - 1) : 0, info: segmentCount >= 0xffff ? UInt32(segmentCount) : 0,
      alignment: 0, entrySize: 0)
  }

  private func fileHeader(segmentCount: Int, sectionTable: UInt64) -> ELFWriter {
    var head = ELFWriter(class: elfClass, byteOrder: byteOrder)
    head.bytes = [0x7f, 0x45, 0x4c, 0x46, elfClass.rawValue, byteOrder.rawValue, 1] + Array(repeating: 0, count: 9)
    let sectionCount = sectionTable == 0 ? 0 : sections.count + 2
    head.half(type.rawValue)
    head.half(machine.rawValue)
    head.word(1)
    head.address(entry)
    head.address(segmentCount == 0 ? 0 : UInt64(elfClass.fileHeaderSize))
    head.address(sectionTable)
    head.word(flags)
    head.half(elfClass.fileHeaderSize)
    head.half(elfClass.programHeaderSize)
    head.half(UInt16(min(segmentCount, 0xffff)))
    head.half(elfClass.sectionHeaderSize)
    head.half(sectionCount >= 0xff00 ? 0 : UInt16(sectionCount))
    head.half(sectionCount == 0 ? 0 : sectionCount - 1 >= 0xff00 ? 0xffff : UInt16(sectionCount - 1))
    return head
  }
}

extension ELFWriter {
  fileprivate mutating func append(_ segment: ELFBuilder.Segment, at offset: UInt64) {
    word(segment.type.rawValue)
    if elfClass == .bits64 { word(segment.flags.rawValue) }
    address(offset)
    address(segment.virtual)
    address(segment.physical)
    address(UInt64(segment.bytes.count))
    address(segment.memorySize)
    if elfClass == .bits32 { word(segment.flags.rawValue) }
    address(segment.alignment)
  }

  fileprivate mutating func append(_ section: ELFBuilder.Section, name: UInt32, at offset: UInt64) {
    word(name)
    word(section.type.rawValue)
    address(section.flags.rawValue)
    address(section.address)
    address(offset)
    address(section.size)
    word(section.link)
    word(section.info)
    address(section.alignment)
    address(section.entrySize)
  }
}
