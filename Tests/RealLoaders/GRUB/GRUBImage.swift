import AddressSpace
import Addresses
import KernelImage
import Loaders
import Placement

/// A kernel for GRUB, field by field: an ELF file with a Multiboot header, each as wrong as a test wants it.
///
/// In the file: ELF header, program headers, Multiboot header at `headerOffset`, the probe, each segment's bytes, each
/// section's bytes, section headers.
struct GRUBImage: Sendable {
  struct Segment: Sendable {
    var type: UInt64 = 1
    var virtual: UInt64
    var physical: UInt64
    /// The first bytes are the probe.
    var fileSize: UInt64
    var memorySize: UInt64
    /// nil: where the bytes are.
    var offset: UInt64?
  }

  struct Section: Sendable {
    var type: UInt64 = 1
    var address: UInt64 = 0
    var size: UInt64
    var alignment: UInt64 = 1
  }

  var version = 1
  var is64 = false
  var machine: UInt64 = 3
  var type: UInt64 = 2
  var elfVersion: UInt64 = 1
  var entry: UInt64 = 0x20_0000
  var segments: [Segment] = []
  var sections: [Section] = []
  var headerOffset: UInt64 = 0x400
  var flags: UInt32 = 0
  /// header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr, mode_type.
  var headerWords: [UInt32] = []
  /// Multiboot2's tags without the end, each padded to 8 bytes.
  var tags: [[UInt32]] = []
  var hasEndTag = true
  var modules: [UInt64] = []
  var commandLine = ""
  /// The machine's memory in MiB.
  var memory: UInt64 = 256
  /// The kernel as it stands, instead of all that describes one above.
  var file: [UInt8]?
  /// Whether the first code that runs tells what it found.
  var hasProbe = true

  /// One segment of 4096 bytes at 2 MiB: the smallest kernel that GRUB takes.
  static let simple = GRUBImage(segments: [
    Segment(virtual: 0x20_0000, physical: 0x20_0000, fileSize: 64, memorySize: 0x1000)
  ])

  static let simple64: GRUBImage = {
    var image = simple
    image.version = 2
    image.is64 = true
    image.machine = 62
    return image
  }()

  /// Where the probe stands in the file, behind the Multiboot header.
  var probeOffset: UInt64 { headerOffset + 512 }

  var request: LoaderRequest {
    LoaderRequest(
      machine: Self.machine(memory), imageName: "/k", commandLine: commandLine,
      modules: modules.enumerated().map { .init(name: "/m\($0)", size: ByteCount($1)) })
  }

  var outcome: LoaderOutcome {
    build().withRawSpan { version == 1 ? GRUB.multiboot($0, request) : GRUB.multiboot2($0, request) }
  }

  /// What GRUB's lsmmap prints on QEMU's `pc` with so many MiB below 3 GiB, and the translator: the firmware keeps the
  /// last 128 KiB.
  static func machine(_ memory: UInt64) -> MemoryMap {
    let end = memory << 20
    return MemoryMap(normalising: [
      entry(0, 0x9fc00, .usable), entry(0x9fc00, 0x400, .reserved), entry(0xf0000, 0x10000, .reserved),
      entry(0x10_0000, end - 0x12_0000, .usable), entry(end - 0x2_0000, 0x2_0000, .reserved),
      entry(0xfffc_0000, 0x4_0000, .reserved), entry(0xfd_0000_0000, 0x3_0000_0000, .reserved),
    ])
  }

  private static func entry(_ start: UInt64, _ count: UInt64, _ kind: MemoryKind) -> MemoryMap.Entry {
    MemoryMap.Entry(range: PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count)), kind: kind)
  }
}

extension GRUBImage {
  /// The finished file.
  func build() -> [UInt8] {
    if let file { return file }
    let start = probeOffset + 64
    var head = Words(is64: is64)
    var body = Words(is64: is64)
    fileHeader(&head, sectionTable: start + dataSize)
    var place = start
    for (index, segment) in segments.enumerated() {
      header(of: segment, &head, at: segment.offset ?? place)
      let count = Int(segment.fileSize)
      body.bytes += (GRUBProbe.code + Self.pattern(index, count)).prefix(count)
      place += segment.fileSize
    }
    for (index, section) in sections.enumerated() { body.bytes += Self.pattern(0x20 + index, Int(section.size)) }
    sectionHeaders(&body, at: place)
    head.pad(to: headerOffset)
    multibootHeader(&head)
    head.pad(to: probeOffset)
    head.bytes += GRUBProbe.code
    head.pad(to: start)
    return head.bytes + body.bytes
  }

  /// The bytes of a module.
  func module(_ index: Int) -> [UInt8] { Self.pattern(0x40 + index, Int(modules[index])) }

  /// Bytes that tell where they belong: they repeat after 251, and each owner begins elsewhere.
  private static func pattern(_ owner: Int, _ count: Int) -> [UInt8] {
    var bytes = (0..<251).map { UInt8(($0 + owner * 7) % 251) + 1 }
    while bytes.count < count { bytes += bytes }
    return Array(bytes.prefix(count))
  }

  /// The bytes of segments and sections.
  private var dataSize: UInt64 {
    segments.reduce(0) { $0 + $1.fileSize } + sections.reduce(0) { $0 + $1.size }
  }

  private func fileHeader(_ head: inout Words, sectionTable: UInt64) {
    head.bytes = [0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1] + Array(repeating: 0, count: 9)
    head.put(type, 2)
    head.put(machine, 2)
    head.put(elfVersion, 4)
    head.address(entry)
    head.address(is64 ? 64 : 52)
    head.address(sections.isEmpty ? 0 : sectionTable)
    head.put(0, 4)
    for half in [is64 ? 64 : 52, is64 ? 56 : 32, segments.count, is64 ? 64 : 40] { head.put(UInt64(half), 2) }
    head.put(UInt64(sections.isEmpty ? 0 : sections.count + 1), 2)
    head.put(0, 2)
  }

  private func header(of segment: Segment, _ head: inout Words, at offset: UInt64) {
    head.put(segment.type, 4)
    if is64 { head.put(7, 4) }
    for value in [offset, segment.virtual, segment.physical, segment.fileSize, segment.memorySize] {
      head.address(value)
    }
    if !is64 { head.put(7, 4) }
    head.address(1)
  }

  private func sectionHeaders(_ body: inout Words, at first: UInt64) {
    guard !sections.isEmpty else { return }
    body.bytes += Array(repeating: 0, count: is64 ? 64 : 40)
    var place = first
    for section in sections {
      body.put(1, 4)
      body.put(section.type, 4)
      for value in [0, section.address, place, section.size] { body.address(value) }
      body.put(0, 8)
      for value in [section.alignment, 0] { body.address(value) }
      place += section.size
    }
  }

  private func multibootHeader(_ head: inout Words) {
    if version == 1 {
      for word in [0x1bad_b002, flags, 0 &- 0x1bad_b002 &- flags] + headerWords { head.put(UInt64(word), 4) }
      return
    }
    let length: UInt32 = 24
    for word in [0xe852_50d6, 0, length, 0 &- 0xe852_50d6 &- length] { head.put(UInt64(word), 4) }
    for tag in tags {
      for word in tag { head.put(UInt64(word), 4) }
      if tag.count % 2 == 1 { head.put(0, 4) }
    }
    if hasEndTag { head.put(0x8_0000_0000, 8) }
  }

  /// Little-endian fields, one behind the other.
  private struct Words {
    var bytes: [UInt8] = []
    let is64: Bool

    mutating func put(_ value: UInt64, _ width: Int) {
      for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    mutating func address(_ value: UInt64) { put(value, is64 ? 8 : 4) }
    mutating func pad(to offset: UInt64) {
      while UInt64(bytes.count) < offset { bytes.append(0) }
    }
  }
}
