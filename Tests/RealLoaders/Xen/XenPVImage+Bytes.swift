/// Little-endian words.
struct XenPVWriter {
  var bytes: [UInt8] = []
  let is64: Bool

  mutating func put(_ value: UInt64, _ size: Int) {
    for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
  }

  /// As wide as an address of the class.
  mutating func address(_ value: UInt64) { put(value, is64 ? 8 : 4) }

  mutating func pad(to size: Int) { while bytes.count % size != 0 { bytes.append(0) } }
}

extension XenPVImage {
  private struct Header {
    var type: UInt32
    var flags: UInt32
    var offset: Int
    var physical: UInt64
    var fileSize: UInt64
    var memory: UInt64
  }

  private struct Section {
    var name: String
    var type: UInt32
    var bytes: [UInt8]
    var link: UInt32 = 0
    var offset = 0
  }

  /// The file: header, program headers, segments, notes, sections, names, section headers.
  var bytes: [UInt8] {
    if let file { return file }
    let step = max(Int(stride ?? 0), is64 ? 56 : 32)
    let start = is64 ? 64 : 52
    var body = XenPVWriter(is64: is64)
    body.bytes = [UInt8](repeating: 0, count: start + (segments.count + notes.count) * step)
    let headers = placeSegments(&body)
    let (table, count) = placeSections(&body)
    let head = fileHeader(headers.count, table: table, sections: count)
    body.bytes.replaceSubrange(0..<start, with: head)
    for (index, header) in headers.enumerated() {
      let bytes = encoded(header)
      let place = start + index * step
      body.bytes.replaceSubrange(place..<place + bytes.count, with: bytes)
    }
    var bytes = Array(body.bytes.dropLast(cut))
    if let headerCut, let header = headers.first { append(header, without: headerCut, to: &bytes) }
    return isBigEndian ? ELFSwapper.swapped(bytes) : bytes
  }

  /// The first header alone as the table, at the end of the file, of which e_phentsize says as much as there is.
  private func append(_ header: Header, without cut: Int, to bytes: inout [UInt8]) {
    let table = encoded(header).dropLast(cut)
    var writer = XenPVWriter(is64: is64)
    writer.address(UInt64(bytes.count))
    let place = is64 ? 32 : 28
    bytes.replaceSubrange(place..<place + writer.bytes.count, with: writer.bytes)
    let sizes = is64 ? 54 : 42
    bytes.replaceSubrange(sizes..<sizes + 4, with: [UInt8(table.count), 0, 1, 0])
    bytes += table
  }

  private func placeSegments(_ body: inout XenPVWriter) -> [Header] {
    var headers: [Header] = []
    for (index, segment) in segments.enumerated() {
      headers.append(
        Header(
          type: 1, flags: segment.flags, offset: body.bytes.count, physical: segment.physical,
          fileSize: UInt64(segment.count) &+ segment.more, memory: segment.memory))
      body.bytes += content(segment, index)
    }
    for (index, group) in notes.enumerated() {
      body.pad(to: 4)
      let bytes = encoded(group)
      headers.append(
        Header(
          type: 4, flags: 4, offset: hidesNotes && index == 0 ? 0 : body.bytes.count, physical: 0,
          fileSize: UInt64(bytes.count), memory: UInt64(bytes.count)))
      body.bytes += bytes
    }
    return headers
  }

  /// A pattern of each segment's own, and the first instruction where it lies in it.
  private func content(_ segment: Segment, _ index: Int) -> [UInt8] {
    var bytes = (0..<segment.count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8 &+ index &* 31 &+ 1) }
    for (offset, byte) in Self.spin.enumerated() {
      let place = code &+ UInt64(offset) &- segment.physical
      if place < UInt64(segment.count) { bytes[Int(place)] = byte }
    }
    return bytes
  }

  private func encoded(_ notes: [Note]) -> [UInt8] {
    var writer = XenPVWriter(is64: is64)
    for note in notes {
      writer.put(UInt64(note.owner.utf8.count + 1), 4)
      writer.put(note.size.map { UInt64($0) } ?? UInt64(note.bytes.count), 4)
      writer.put(UInt64(note.type), 4)
      writer.bytes += Array(note.owner.utf8) + [0]
      writer.pad(to: 4)
      writer.bytes += note.bytes
      writer.pad(to: 4)
    }
    return writer.bytes
  }

  private func encoded(_ header: Header) -> [UInt8] {
    var writer = XenPVWriter(is64: is64)
    writer.put(UInt64(header.type), 4)
    if is64 { writer.put(UInt64(header.flags), 4) }
    // p_vaddr is nobody's business: a number that shows.
    for field in [UInt64(header.offset), 0xffff_ffff_dead_0000, header.physical, header.fileSize, header.memory] {
      writer.address(field)
    }
    if !is64 { writer.put(UInt64(header.flags), 4) }
    writer.address(4)
    return writer.bytes
  }

  private var sections: [Section] {
    var sections: [Section] = []
    if let text { sections.append(Section(name: "__xen_guest", type: 1, bytes: Array(text.utf8) + [0])) }
    if !sectionNotes.isEmpty { sections.append(Section(name: ".notes", type: 7, bytes: encoded(sectionNotes))) }
    if let symbols {
      // Section 0 comes before, the names' section behind.
      let link = symbols.link ?? UInt32(sections.count + 2)
      func filler(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ count) } }
      sections.append(Section(name: ".symtab", type: 2, bytes: filler(symbols.symbolCount), link: link))
      sections.append(Section(name: ".strtab", type: 3, bytes: filler(symbols.nameCount)))
    }
    return sections
  }

  /// The offset and the entries of the section headers' table; the names' section is the last.
  private func placeSections(_ body: inout XenPVWriter) -> (table: Int, count: Int) {
    var all = sections
    guard !all.isEmpty else { return (0, 0) }
    all.append(Section(name: ".shstrtab", type: 3, bytes: []))
    var names: [UInt8] = [0]
    let places = all.map { section in
      defer { names += Array(section.name.utf8) + [0] }
      return names.count
    }
    all[all.count - 1].bytes = names
    for index in all.indices {
      body.pad(to: 8)
      all[index].offset = body.bytes.count
      body.bytes += all[index].bytes
    }
    body.pad(to: 8)
    let table = body.bytes.count
    body.bytes += [UInt8](repeating: 0, count: is64 ? 64 : 40)
    for (section, name) in zip(all, places) {
      body.put(UInt64(name), 4)
      body.put(UInt64(section.type), 4)
      for field in [0, 0, UInt64(section.offset), UInt64(section.bytes.count)] { body.address(field) }
      body.put(UInt64(section.link), 4)
      body.put(0, 4)
      for field in [1, 0] as [UInt64] { body.address(field) }
    }
    return (table, all.count + 1)
  }

  private func fileHeader(_ count: Int, table: Int, sections: Int) -> [UInt8] {
    var head = XenPVWriter(is64: is64)
    head.bytes = [0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    head.put(2, 2)
    head.put(UInt64(machine), 2)
    head.put(1, 4)
    head.address(entry)
    head.address(is64 ? 64 : 52)
    head.address(UInt64(table))
    head.put(0, 4)
    let sizes: [Int] = [
      is64 ? 64 : 52, stride.map(Int.init) ?? (is64 ? 56 : 32), count + Int(extraHeaders), is64 ? 64 : 40, sections,
      max(0, sections - 1),
    ]
    for size in sizes { head.put(UInt64(size), 2) }
    return head.bytes
  }
}
