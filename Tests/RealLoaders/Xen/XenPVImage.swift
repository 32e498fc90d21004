import KernelImage
import TestSupport

/// An ELF file for Xen's paravirtual builders, none of its fields sure to be right.
struct XenPVImage: Shrinkable, Sendable {
  struct Segment: Sendable {
    var physical: UInt64
    /// Bytes in the file.
    var count: Int
    /// What p_filesz says beyond `count`.
    var more: UInt64 = 0
    var memory: UInt64
    var flags: UInt32 = 7
  }

  struct Note: Sendable {
    var owner = "Xen"
    var type: UInt32
    var bytes: [UInt8]
    /// What descsz says where it is not the bytes' count.
    var size: UInt32?
  }

  struct Symbols: Sendable {
    var symbolCount: Int
    var nameCount: Int
    /// sh_link of the symbols' section; nil for the right one.
    var link: UInt32?
  }

  var is64 = true
  var machine: UInt16 = 62
  /// e_entry.
  var entry: UInt64 = 0x4000_0000
  /// The p_paddr at which the first instruction is put.
  var code: UInt64 = 0x4000_0000
  var segments: [Segment] = []
  /// Each is a PT_NOTE.
  var notes: [[Note]] = []
  /// Whether the first PT_NOTE says that it lies at offset 0.
  var hidesNotes = false
  var sectionNotes: [Note] = []
  /// `__xen_guest`.
  var text: String?
  var symbols: Symbols?
  /// e_phentsize where it is not the class's.
  var stride: UInt16?
  /// What e_phnum says beyond the headers.
  var extraHeaders: UInt16 = 0
  /// Bytes cut off the end.
  var cut = 0
  var initrdSize: Int?
  /// Bytes that the one program header lacks at the end of the file, where its table then is.
  var headerCut: Int?
  /// Whether every field has the other byte order, EI_DATA with it.
  var isBigEndian = false
  /// A file as it stands instead of all this.
  var file: [UInt8]?
  /// What the model is asked about: the payload, where the file is a bzImage.
  var payload: [UInt8]?

  /// A jump to itself.
  static let spin: [UInt8] = [0xeb, 0xfe]

  var initrd: [UInt8]? {
    initrdSize.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ $0 >> 8 &+ 3) } }
  }

  var smaller: [XenPVImage] {
    var cases: [XenPVImage] = []
    func add(_ change: (inout XenPVImage) -> Void) {
      var copy = self
      change(&copy)
      cases.append(copy)
    }
    guard file == nil else { return [] }
    for index in segments.indices where segments.count > 1 { add { $0.segments.remove(at: index) } }
    for index in notes.indices { add { $0.notes.remove(at: index) } }
    for group in notes.indices {
      for index in notes[group].indices { add { $0.notes[group].remove(at: index) } }
    }
    for index in sectionNotes.indices { add { $0.sectionNotes.remove(at: index) } }
    let fields = text?.split(separator: ",", omittingEmptySubsequences: false) ?? []
    for index in fields.indices {
      add { image in
        var rest = fields
        rest.remove(at: index)
        image.text = rest.isEmpty ? nil : rest.joined(separator: ",")
      }
    }
    if symbols != nil { add { $0.symbols = nil } }
    if stride != nil { add { $0.stride = nil } }
    if extraHeaders != 0 { add { $0.extraHeaders = 0 } }
    if cut != 0 { add { $0.cut = 0 } }
    if headerCut != nil { add { $0.headerCut = nil } }
    if isBigEndian { add { $0.isBigEndian = false } }
    if initrdSize != nil { add { $0.initrdSize = nil } }
    for index in segments.indices where segments[index].count > 64 {
      add { image in
        image.segments[index].count /= 2
        image.segments[index].memory -= min(image.segments[index].memory, UInt64(image.segments[index].count))
      }
    }
    return cases
  }

  var description: String {
    if let file { return "a file of \(file.count) bytes, initrd \(initrdSize ?? 0)" }
    let loads = segments.map {
      "(\($0.physical.swiftText), file \($0.count)+\($0.more.swiftText), memory \($0.memory.swiftText), "
        + "flags \($0.flags))"
    }
    func list(_ notes: [Note]) -> String {
      notes.map { "\($0.owner) \($0.type): \($0.bytes) \($0.size.map(String.init) ?? "")" }.joined(separator: "; ")
    }
    return "\(is64 ? 64 : 32) bits, machine \(machine), entry \(entry.swiftText), code \(code.swiftText), segments "
      + "\(loads.joined(separator: " ")), notes \(notes.map(list))\(hidesNotes ? " hidden" : ""), section notes "
      + "[\(list(sectionNotes))], text \(text ?? "none"), symbols \(symbols.map { "\($0)" } ?? "none"), e_phentsize "
      + "\(stride.map(String.init) ?? "usual"), extra headers \(extraHeaders), cut \(cut), "
      + "header cut \(headerCut.map(String.init) ?? "nowhere"), big-endian \(isBigEndian), initrd \(initrdSize ?? 0)"
  }
}
