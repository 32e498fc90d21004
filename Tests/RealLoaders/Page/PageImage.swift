import KernelImage
import Loaders
import Placement
import TestSupport

/// A small kernel that a loader boots, for the page of properties to spoil in one respect at a time.
///
/// Text of 0x2000 bytes with the entry at its start, data of 0x1000 bytes behind it and 0x2000 bytes of bss behind that;
/// linked where it is loaded. It carries what asks for its loader: headers, notes, a string.
struct PageImage: Sendable {
  struct Segment: Sendable {
    var type: SegmentType = .load
    var flags: SegmentFlags
    var virtual: UInt64
    var physical: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    /// Written over p_offset in the file.
    var offset: UInt64?
  }

  var elfClass: ELFClass
  var machine: Machine
  var byteOrder = ByteOrder.little
  var type = ObjectType.executable
  var entry: UInt64
  var segments: [Segment]
  let alignment: UInt64
  /// Whether it carries what its loader looks for: the Multiboot headers, the notes, `__xen_guest`.
  var isMarked = true
  /// What stands behind the ELF file.
  var trailer: [UInt8] = []
  /// Written over the file header's fields.
  var programHeaderOffset: UInt64?
  var programHeaderCount: UInt64?
  var programHeaderEntrySize: UInt64?
  private let loader: LoaderName

  init(for loader: LoaderName) {
    let place = PagePlace(loader)
    let base = place.base
    // Linux's decompressor wants p_align in multiples of 2 MiB.
    alignment = loader == .linuxDecompressor ? 0x20_0000 : 0x1000
    elfClass = loader == .qemuMultiboot ? .bits32 : .bits64
    machine = place.machine(elfClass)
    let link: UInt64 = loader == .limine ? 0xffff_ffff_8000_0000 : loader == .osvHigh ? 0x4000_0000 : 0
    entry = link &+ base
    self.loader = loader
    segments = [
      Segment(flags: [.read, .execute], virtual: link &+ base, physical: base, fileSize: 0x2000, memorySize: 0x2000),
      Segment(
        flags: [.read, .write], virtual: link &+ base + 0x2000, physical: base + 0x2000, fileSize: 0x1000,
        memorySize: 0x3000),
    ]
  }

  func build() -> [UInt8] {
    var builder = ELFBuilder(class: elfClass, byteOrder: byteOrder, type: type, machine: machine, entry: entry)
    for (index, segment) in segments.enumerated() {
      var bytes = [UInt8](repeating: 0x90, count: Int(segment.fileSize))
      // QEMU takes an image with a Multiboot header for nothing else.
      if index == 0, isMarked, loader != .qemuPVH {
        bytes.replaceSubrange(16..<16 + Self.headers.count, with: Self.headers)
      }
      builder = builder.segment(
        type: segment.type, flags: segment.flags, virtual: segment.virtual, physical: segment.physical, bytes: bytes,
        memorySize: segment.memorySize, alignment: alignment)
    }
    if isMarked { builder = marked(builder) }
    return patched(builder.build()) + trailer
  }

  private func marked(_ builder: ELFBuilder) -> ELFBuilder {
    if PagePlace(loader).isStringXen {
      let text = "GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0x100000000"
      return builder.section("__xen_guest", bytes: Array(text.utf8) + [0])
    }
    func word(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
    let strings: [(UInt32, String)] = [(5, "xen-3.0"), (6, "linux"), (8, "generic"), (9, "yes")]
    let numbers = [(1, entry), (3, 0), (4, 0)] as [(UInt32, UInt64)]
    var builder = builder
    for (type, text) in strings { builder = builder.note(owner: "Xen", type: type, descriptor: Array(text.utf8) + [0]) }
    for (type, value) in numbers { builder = builder.note(owner: "Xen", type: type, descriptor: word(value)) }
    return builder.note(owner: "Xen", type: 18, descriptor: Array(word(segments[0].physical).prefix(4)))
  }

  /// A Multiboot 1 header without flags; 16 bytes on, at a multiple of 8, a Multiboot 2 header without tags.
  private static let headers: [UInt8] = {
    let first: [UInt32] = [0x1bad_b002, 0, 0 &- 0x1bad_b002, 0]
    let second: [UInt32] = [0xe852_50d6, 0, 24, 0 &- 0xe852_50d6 &- 24, 0, 8]
    return (first + second).flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
  }()

  private func patched(_ file: [UInt8]) -> [UInt8] {
    var file = file
    let is64 = elfClass == .bits64
    func put(_ value: UInt64, _ width: Int, at offset: Int) {
      for index in 0..<width { file[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
    // The entry for 32 bits, which OSv's boot sector jumps to.
    if loader == .osvHigh, isMarked { put(segments[0].physical, 4, at: 0x800) }
    if let programHeaderOffset { put(programHeaderOffset, is64 ? 8 : 4, at: is64 ? 32 : 28) }
    if let programHeaderEntrySize { put(programHeaderEntrySize, 2, at: is64 ? 54 : 42) }
    if let programHeaderCount { put(programHeaderCount, 2, at: is64 ? 56 : 44) }
    for (index, segment) in segments.enumerated() {
      guard let offset = segment.offset else { continue }
      put(offset, is64 ? 8 : 4, at: is64 ? 64 + 56 * index + 8 : 52 + 32 * index + 4)
    }
    return file
  }
}
