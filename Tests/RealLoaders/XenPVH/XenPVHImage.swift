import AddressSpace
import Addresses
import KernelImage
import Loaders
import TestSupport

/// A kernel for Xen's PVH entry, with what is handed over beside it, on a machine whose first domain has 256 MiB.
struct XenPVHImage: Sendable {
  struct Segment: Hashable, Sendable {
    var physical: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    var flags: UInt32 = 7
  }

  struct Note: Hashable, Sendable {
    var owner = "Xen"
    var type: UInt32
    var bytes: [UInt8]
  }

  var is64 = true
  var machine: UInt16 = 62
  /// EI_DATA, written over what the file is.
  var byteOrder: UInt8 = 1
  var segments: [Segment] = []
  /// Where the probe stands: what PHYS32_ENTRY says, where it says the truth.
  var entry: UInt64 = 0
  /// e_entry.
  var fileEntry: UInt64 = 0
  var notes: [Note] = []
  /// In a section instead of a segment.
  var hasNoteSection = false
  /// The string in `__xen_guest`.
  var guestText = ""
  var initrd: UInt64?
  /// Whether the probe stands at the start of the initrd.
  var probesInitrd = false
  var initrdArguments = ""
  var commandLine = ""
  /// Whether every field has the other byte order, EI_DATA with it.
  var isBigEndian = false
  /// A file as it stands; the fields above that describe an ELF file do not count then.
  var file: [UInt8] = []
  /// Where the probe stands in that file; nil for where its program headers say.
  var probeOffset: Int?

  /// The kernel and the initrd, with a probe that prints some ranges of memory.
  func build(printing ranges: [Range<UInt64>] = []) -> (kernel: [UInt8], initrd: [UInt8]?) {
    let probe = XenPVHProbe.code(at: entry, printing: ranges)
    var module = initrd.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) } }
    if probesInitrd, let size = module?.count { module?.replaceSubrange(0..<min(size, probe.count), with: probe) }
    guard file.isEmpty else { return (patched(file, with: probe), module) }
    var builder = ELFBuilder(
      class: is64 ? .bits64 : .bits32, machine: Machine(rawValue: machine), entry: fileEntry)
    for (index, segment) in segments.enumerated() { builder = add(segment, index, probe, to: builder) }
    if hasNoteSection {
      let bytes = notes.flatMap { builder.noteBytes(owner: $0.owner, type: $0.type, descriptor: $0.bytes) }
      builder = builder.section(".note.Xen", type: .note, bytes: bytes, alignment: 4)
    } else {
      for note in notes { builder = builder.note(owner: note.owner, type: note.type, descriptor: note.bytes) }
    }
    if !guestText.isEmpty { builder = builder.section("__xen_guest", bytes: Array(guestText.utf8) + [0]) }
    var bytes = builder.build()
    bytes[5] = byteOrder
    if isBigEndian { bytes = ELFSwapper.swapped(bytes) }
    return (bytes, module)
  }

  private func add(_ segment: Segment, _ index: Int, _ probe: [UInt8], to builder: ELFBuilder) -> ELFBuilder {
    // Each segment has bytes of its own, so that one in another's place is seen.
    var bytes = (0..<segment.fileSize).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ UInt64(index) &* 0x31 &+ 5) }
    if entry >= segment.physical, entry &- segment.physical &+ UInt64(probe.count) <= segment.fileSize {
      let start = Int(entry - segment.physical)
      bytes.replaceSubrange(start..<start + probe.count, with: probe)
    }
    return builder.segment(
      flags: SegmentFlags(rawValue: segment.flags), virtual: 0, physical: segment.physical, bytes: bytes,
      memorySize: segment.memorySize, alignment: 1)
  }

  /// A real kernel whose first instructions are the probe's.
  private func patched(_ file: [UInt8], with probe: [UInt8]) -> [UInt8] {
    var bytes = file
    if let probeOffset {
      guard bytes.count >= probeOffset + probe.count else { return bytes }
      bytes.replaceSubrange(probeOffset..<probeOffset + probe.count, with: probe)
      return bytes
    }
    let elf = bytes.withUnsafeBytes { unsafe try? ELFFile(parsing: $0.bytes) }
    for segment in elf?.loadSegments ?? [] {
      let place = entry &- segment.physicalAddress
      let size = segment.fileRange.count.value
      guard place <= size, UInt64(probe.count) <= size - place else { continue }
      let start = Int(segment.fileRange.start.value + place)
      bytes.replaceSubrange(start..<start + probe.count, with: probe)
    }
    return bytes
  }

  var request: LoaderRequest {
    LoaderRequest(
      machine: Self.memory, commandLine: commandLine,
      modules: initrd.map { [.init(name: "initrd", size: ByteCount($0), arguments: initrdArguments)] } ?? [])
  }

  /// What Xen makes of QEMU's 1 GiB with `dom0_mem=256M`: 0x9f000 + 0xff61000 bytes.
  static let memory = MemoryMap(normalising: [
    .init(
      range: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: 0), count: ByteCount(0x9_f000)), kind: .usable),
    .init(
      range: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: 0x10_0000), count: ByteCount(0xff6_1000)),
      kind: .usable),
  ])
  /// Where it ends.
  static let memoryEnd: UInt64 = 0x1006_1000
}

extension XenPVHImage: Shrinkable {
  var smaller: [XenPVHImage] {
    var all: [XenPVHImage] = []
    func changed(_ change: (inout XenPVHImage) -> Void) {
      var copy = self
      change(&copy)
      all.append(copy)
    }
    for index in segments.indices where segments.count > 1 { changed { $0.segments.remove(at: index) } }
    for index in notes.indices { changed { $0.notes.remove(at: index) } }
    if initrd != nil {
      changed {
        $0.initrd = nil
        $0.initrdArguments = ""
      }
    }
    if !initrdArguments.isEmpty { changed { $0.initrdArguments = "" } }
    if !commandLine.isEmpty { changed { $0.commandLine = "" } }
    if !guestText.isEmpty { changed { $0.guestText = "" } }
    if isBigEndian { changed { $0.isBigEndian = false } }
    return all
  }

  var description: String {
    let loads = segments.map {
      "(\($0.physical.swiftText), \($0.fileSize.swiftText), \($0.memorySize.swiftText), \($0.flags))"
    }
    let noted = notes.map { "(\"\($0.owner)\", \($0.type), \($0.bytes))" }
    return
      "XenPVHImage(is64: \(is64), machine: \(machine), byteOrder: \(byteOrder), isBigEndian: \(isBigEndian), "
      + "segments: [\(loads.joined(separator: ", "))], "
      + "entry: \(entry.swiftText), fileEntry: \(fileEntry.swiftText), notes: [\(noted.joined(separator: ", "))], "
      + "hasNoteSection: \(hasNoteSection), guestText: \"\(guestText)\", initrd: \(initrd?.swiftText ?? "nil"), "
      + "probesInitrd: \(probesInitrd), initrdArguments: \"\(initrdArguments)\", commandLine: \"\(commandLine)\", "
      + "file: \(file.count) bytes)"
  }
}
