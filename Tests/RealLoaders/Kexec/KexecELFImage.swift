/// An ELF file for kexec, field by field, as wrong as a test wants it.
///
/// In the file: ELF header, program headers, Multiboot header at `headerOffset`, notes, each segment's bytes.
struct KexecELFImage: Sendable {
  struct Segment: Sendable {
    var type: UInt64 = 1
    var physical: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    var alignment: UInt64 = 0x1000
    /// nil: where the bytes are.
    var offset: UInt64?
  }

  var is64 = true
  var isBigEndian = false
  var fileClass: UInt8?
  var data: UInt8?
  var identVersion: UInt8 = 1
  var version: UInt64 = 1
  var machine: UInt64 = 62
  var type: UInt64 = 2
  var entry: UInt64 = 0x20_0000
  var headerSize: UInt64?
  var entrySize: UInt64?
  var tableOffset: UInt64?
  var sectionCount: UInt64 = 0
  var sectionOffset: UInt64 = 0
  var sectionEntrySize: UInt64?
  var segments: [Segment] = []
  /// What a PT_NOTE segment shows; nil without one.
  var notes: [UInt8]?
  var multiboot: MultibootHeader?
  var headerOffset: UInt64 = 0x800
  /// Bytes cut off at the end.
  var cut = 0

  func build() -> [UInt8] {
    let headerBytes = multiboot?.bytes ?? []
    let noteBytes = notes ?? []
    let dataStart = max(headerOffset, headSize) + UInt64(headerBytes.count)
    var file = FieldWriter(is64: is64, isBigEndian: isBigEndian)
    writeHeader(&file)
    var place = dataStart + UInt64(noteBytes.count)
    for segment in segments {
      write(segment, at: segment.offset ?? place, &file)
      place += min(segment.fileSize, 0x10_0000)
    }
    if notes != nil {
      write(
        Segment(type: 4, physical: 0, fileSize: UInt64(noteBytes.count), memorySize: 0), at: dataStart, &file)
    }
    file.bytes += [UInt8](repeating: 0, count: Int(dataStart) - headerBytes.count - file.bytes.count)
    file.bytes += headerBytes + noteBytes
    for segment in segments { file.bytes += [UInt8](repeating: 0x90, count: Int(min(segment.fileSize, 0x10_0000))) }
    return Array(file.bytes.dropLast(cut))
  }

  private var programHeaderSize: UInt64 { is64 ? 56 : 32 }
  private var count: UInt64 { UInt64(segments.count) + (notes == nil ? 0 : 1) }
  private var headSize: UInt64 { (is64 ? 64 : 52) + programHeaderSize * count }

  private func writeHeader(_ file: inout FieldWriter) {
    file.bytes = [0x7f, 0x45, 0x4c, 0x46, fileClass ?? (is64 ? 2 : 1), data ?? (isBigEndian ? 2 : 1), identVersion]
    file.bytes += [UInt8](repeating: 0, count: 9)
    file.put(type, 2)
    file.put(machine, 2)
    file.put(version, 4)
    file.address(entry)
    file.address(tableOffset ?? (is64 ? 64 : 52))
    file.address(sectionOffset)
    file.put(0, 4)
    file.put(headerSize ?? (is64 ? 64 : 52), 2)
    file.put(entrySize ?? programHeaderSize, 2)
    file.put(count, 2)
    file.put(sectionEntrySize ?? (is64 ? 64 : 40), 2)
    file.put(sectionCount, 2)
    file.put(0, 2)
  }

  private func write(_ segment: Segment, at offset: UInt64, _ file: inout FieldWriter) {
    file.put(segment.type, 4)
    if is64 { file.put(7, 4) }
    for value in [offset, segment.physical, segment.physical, segment.fileSize, segment.memorySize] {
      file.address(value)
    }
    if !is64 { file.put(7, 4) }
    file.address(segment.alignment)
  }
}

/// A Multiboot header of either version, with what follows its three or four words.
enum MultibootHeader: Sendable {
  /// Flags; header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr.
  case first(flags: UInt32, addresses: [UInt32])
  /// Tags without the end, each padded to 8 bytes.
  case second(tags: [[UInt32]])

  var bytes: [UInt8] {
    var file = FieldWriter(is64: false, isBigEndian: false)
    switch self {
    case .first(let flags, let addresses):
      for word in [0x1bad_b002, flags, 0 &- 0x1bad_b002 &- flags] + addresses { file.put(UInt64(word), 4) }
    case .second(let tags):
      for word in [0xe852_50d6, 0, 24, 0 &- 0xe852_50d6 &- 24] as [UInt32] { file.put(UInt64(word), 4) }
      for tag in tags {
        for word in tag { file.put(UInt64(word), 4) }
        if tag.count % 2 == 1 { file.put(0, 4) }
      }
      file.put(0, 4)
      file.put(8, 4)
    }
    return file.bytes
  }
}

/// Fields, one behind the other.
struct FieldWriter {
  var bytes: [UInt8] = []
  let is64: Bool
  let isBigEndian: Bool

  mutating func put(_ value: UInt64, _ width: Int) {
    let little = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    bytes += isBigEndian ? little.reversed() : little
  }
  mutating func address(_ value: UInt64) { put(value, is64 ? 8 : 4) }
}
