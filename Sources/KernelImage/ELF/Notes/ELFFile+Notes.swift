import Addresses

extension ELFFile {
  /// The most notes Perch reads, as many as Xen does (xen/common/libelf/libelf-dominfo.c).
  static var noteLimit: Int { 65_536 }

  /// Every note of the PT_NOTE segments, in file order; those of the SHT_NOTE sections when there is no such segment.
  ///
  /// - Throws: ``ParseError`` for a note that reaches beyond its segment or section, and for too many notes.
  @inline(never) public func notes(in bytes: RawSpan) throws(ParseError) -> [Note] {
    var notes: [Note] = []
    var hasSegment = false
    for segment in programHeaders where segment.type == .note {
      hasSegment = true
      var walk = NoteWalk(
        container: .segment(segment.index), range: segment.fileRange, alignment: segment.alignment == 8 ? 8 : 4)
      while let note = try walk.next(in: bytes) { try Self.append(note, to: &notes) }
    }
    guard !hasSegment else { return notes }
    for section in sectionHeaders where section.type == .note {
      var walk = NoteWalk(
        container: .section(section.index), range: section.fileRange, alignment: section.alignment == 8 ? 8 : 4)
      while let note = try walk.next(in: bytes) { try Self.append(note, to: &notes) }
    }
    return notes
  }

  private static func append(_ note: Note, to notes: inout [Note]) throws(ParseError) {
    guard notes.count < noteLimit else {
      throw ParseError(
        .tooMany, field: "notes", at: note.headerOffset.value, found: UInt64(notes.count) + 1,
        allowed: .atMost(UInt64(noteLimit)))
    }
    notes.add(note)
  }
}

/// Goes from note to note. Each step is at least the 12 bytes of a header, so the walk ends.
///
///     n_namesz │ n_descsz │ n_type │ name … pad │ descriptor … pad
private struct NoteWalk {
  let container: Note.Container
  let range: FileRange
  /// The descriptor and the next note start at multiples of this, counted from the note's start.
  let alignment: UInt64
  /// From the start of `range`.
  private var position: UInt64 = 0

  init(container: Note.Container, range: FileRange, alignment: UInt64) {
    self.container = container
    self.range = range
    self.alignment = alignment
  }

  /// Names are short; a hostile one is cut.
  private static var ownerLimit: UInt64 { 256 }

  @inline(never) mutating func next(in bytes: RawSpan) throws(ParseError) -> Note? {
    let room = range.count.value &- position
    guard try hasHeader(room: room, in: bytes) else { return nil }
    let start = range.start.value &+ position
    let nameSize = UInt64(try word(at: start, "n_namesz", start, in: bytes))
    let descriptorSize = UInt64(try word(at: start &+ 4, "n_descsz", start, in: bytes))
    let type = try word(at: start &+ 8, "n_type", start, in: bytes)
    guard 12 + nameSize <= room else {
      throw ParseError(
        .invalidValue, field: name("n_namesz", start), at: start, found: nameSize, allowed: .atMost(room - 12))
    }
    // Sums of 32-bit sizes and a header: they cannot overflow 64 bits.
    let descriptorStart = alignedUp(12 + nameSize)
    guard descriptorSize == 0 || descriptorStart + descriptorSize <= room else {
      throw ParseError(
        .invalidValue, field: name("n_descsz", start), at: start &+ 4, found: descriptorSize,
        allowed: .atMost(room > descriptorStart ? room - descriptorStart : 0))
    }
    // The padding behind the last note may be cut off.
    position &+= min(room, alignedUp(descriptorStart + descriptorSize))
    return Note(
      container: container, headerOffset: FileOffset(unchecked: start),
      owner: bytes.text(at: start &+ 12, limit: min(nameSize, Self.ownerLimit)), type: type,
      descriptor: FileRange(
        uncheckedStart: FileOffset(unchecked: start &+ min(descriptorStart, room)), count: ByteCount(descriptorSize)))
  }

  /// Whether another header fits. What is left otherwise must be padding.
  private func hasHeader(room: UInt64, in bytes: RawSpan) throws(ParseError) -> Bool {
    guard room < 12 else { return true }
    for step in 0..<room {
      let offset = range.start.value &+ position &+ step
      let byte = try bytes.read(UInt8.self, at: offset, field: "note")
      guard byte == 0 else {
        throw ParseError(.truncated, field: "note", at: offset &- step, found: room, allowed: .atLeast(12))
      }
    }
    return false
  }

  private func alignedUp(_ value: UInt64) -> UInt64 { (value + alignment - 1) & ~(alignment - 1) }

  @inline(never)
  private func word(
    at offset: UInt64, _ field: StaticString, _ start: UInt64, in bytes: RawSpan
  ) throws(ParseError) -> UInt32 {
    try bytes.read(UInt32.self, at: offset, field: name("\(field)", start))
  }

  private func name(_ field: Sentence, _ start: UInt64) -> Sentence { "note at \(hex: start): \(field)" }
}
