import BootProtocols
import KernelImage
import Placement

/// The Multiboot header as GRUB's `multiboot` finds it (Multiboot Specification 0.6.96, 3.1).
struct GRUBHeader1 {
  let offset: UInt32
  let flags: UInt32
  private let fields: GRUBAddressFields?

  /// The first 8192 bytes are read and searched in steps of 4.
  init(searching image: RawSpan, name: String) throws(GRUBStop) {
    let length = min(UInt64(image.byteCount), 8192)
    guard length >= 32 else {
      throw .premature(name, "file of \(image.byteCount) bytes", .version1)
    }
    var position: UInt64 = 0
    while position + 12 <= length {
      if image.wide(UInt32.self, at: position) == 0x1bad_b002, let flags = image.load(UInt32.self, at: position + 4),
        let checksum = image.load(UInt32.self, at: position + 8), 0x1bad_b002 &+ flags &+ checksum == 0
      {
        offset = UInt32(position)
        self.flags = flags
        fields = GRUBAddressFields(
          fileOffset: offset, in: image, at: position + 12, limit: length, entry: position + 28)
        guard flags & 0xfff8 == 0 else {
          throw .refuses(
            "unsupported flag: " + hex(flags), "Multiboot header at \(hex(position)), flags \(hex(flags))",
            "Of the flags that a loader must know (bits 0 to 15), only 0, 1 and 2 are known.", .version1)
        }
        if hasAddressFields, fields == nil {
          throw .misbehaves(
            "reads what its heap held before", "Multiboot header at \(hex(position)), file of \(length) bytes",
            "The address fields are read without asking whether the file holds them.", .version1)
        }
        return
      }
      position += 4
    }
    throw .refuses(
      "no multiboot header found", "first \(length) bytes",
      "The first 8192 bytes are searched in steps of 4 for three words that sum to 0.", .version1)
  }

  /// Bit 16: the address fields are valid.
  var hasAddressFields: Bool { flags & 0x1_0000 != 0 }

  var addressFields: GRUBAddressFields { fields ?? GRUBAddressFields() }

  /// Bit 2: mode_type must be 0 or 1. Looked at when the image is loaded.
  func checkVideoMode(in image: RawSpan) throws(GRUBStop) {
    guard flags & 4 != 0 else { return }
    let place = UInt64(offset) + 32
    guard let mode = image.load(UInt32.self, at: place), place + 4 <= 8192 else {
      throw .misbehaves(
        "reads what its heap held before", "Multiboot header at \(hex(offset)), flags \(hex(flags))",
        "mode_type is read without asking whether the file holds it.", .version1)
    }
    guard mode > 1 else { return }
    throw .refuses(
      "unsupported graphical mode type \(Int32(bitPattern: mode))", "Multiboot header, mode_type \(hex(mode))",
      "With flag 2 mode_type is 0 or 1.", .version1)
  }
}

/// The words by which an image without ELF is loaded: those of the Multiboot header, or of Multiboot2's address tag.
struct GRUBAddressFields {
  /// Where the header stands in the file.
  var fileOffset: UInt32 = 0
  var header: UInt32 = 0
  /// Where the first byte goes.
  var load: UInt32 = 0
  /// load_addr as it stands in the file: Multiboot2 writes 0xffffffff for "from the start of the file".
  var rawLoad: UInt32 = 0
  /// 0: up to the end of the file.
  var loadEnd: UInt32 = 0
  /// 0: nothing behind the loaded bytes.
  var bssEnd: UInt32 = 0
  var entry: UInt32 = 0

  init() {}

  /// Reads header_addr, load_addr, load_end_addr and bss_end_addr; nil where one lies behind `limit`.
  init?(fileOffset: UInt32, in image: RawSpan, at place: UInt64, limit: UInt64, entry entryPlace: UInt64?) {
    guard let header = image.load(UInt32.self, at: place), let load = image.load(UInt32.self, at: place + 4),
      let loadEnd = image.load(UInt32.self, at: place + 8), let bssEnd = image.load(UInt32.self, at: place + 12),
      place + 16 <= limit
    else { return nil }
    self.fileOffset = fileOffset
    self.header = header
    self.load = load
    rawLoad = load
    self.loadEnd = loadEnd
    self.bssEnd = bssEnd
    guard let entryPlace else { return }
    guard let entry = image.load(UInt32.self, at: entryPlace), entryPlace + 4 <= limit else { return nil }
    self.entry = entry
  }
}
