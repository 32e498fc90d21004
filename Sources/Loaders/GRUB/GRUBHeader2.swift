import Placement
import KernelImage

/// The Multiboot2 header as GRUB's `multiboot2` finds it, and what its tags ask for (Multiboot2 Specification 2.0, 3.1).
struct GRUBHeader2 {
  let offset: UInt32
  private(set) var addressFields: GRUBAddressFields?
  /// The entry address tag.
  private(set) var entry: UInt32?
  private(set) var relocatable: GRUBRelocatable?
  private var consoleRequired = false
  private var acceptsText = true
  private var acceptsFramebuffer = false

  /// The first 32768 bytes are read and searched in steps of 8.
  init(searching image: RawSpan, name: String) throws(GRUBStop) {
    let length = min(UInt64(image.byteCount), 32_768)
    guard length >= 32 else { throw .premature(name, "file of \(image.byteCount) bytes", .version2) }
    var position: UInt64 = 0
    while position + 16 <= length {
      if Self.isHeader(at: position, in: image) {
        offset = UInt32(position)
        try readTags(of: image, limit: length)
        return
      }
      position += 8
    }
    throw .refuses(
      "no multiboot header found", "first \(length) bytes",
      "The first 32768 bytes are searched in steps of 8 for four words that sum to 0, with architecture 0.", .version2)
  }

  private static func isHeader(at place: UInt64, in image: RawSpan) -> Bool {
    guard image.wide(UInt32.self, at: place) == 0xe852_50d6, image.wide(UInt32.self, at: place + 4) == 0,
      let length = image.load(UInt32.self, at: place + 8), let checksum = image.load(UInt32.self, at: place + 12)
    else { return false }
    return 0xe852_50d6 &+ length &+ checksum == 0
  }

  /// Walks the tags up to one of type 0. header_length is not looked at.
  private mutating func readTags(of image: RawSpan, limit: UInt64) throws(GRUBStop) {
    var place = UInt64(offset) + 16
    while true {
      guard place + 8 <= limit, let type = image.load(UInt16.self, at: place),
        let flags = image.load(UInt16.self, at: place + 2), let size = image.load(UInt32.self, at: place + 4)
      else { throw Self.unterminated(place) }
      guard type != 0 else { break }
      try readTag(type, flags: flags, size: size, at: place, of: image, limit: limit)
      let step = (size &+ 7) & ~7
      guard step > 0 else {
        throw .misbehaves(
          "hangs", "Multiboot2 tag at \(hex(place)), size \(hex(size))",
          "The walk goes on by the tag's size, rounded up to 8 modulo 2³².", .version2)
      }
      place += UInt64(step)
    }
    guard addressFields == nil || entry != nil else {
      throw .refuses(
        "load address tag without entry address tag", "Multiboot2 header at \(hex(offset))",
        "An address tag (2) needs an entry address tag (3).", .version2)
    }
  }

  private mutating func readTag(
    _ type: UInt16, flags: UInt16, size: UInt32, at place: UInt64, of image: RawSpan, limit: UInt64
  ) throws(GRUBStop) {
    func word(_ offset: UInt64) throws(GRUBStop) -> UInt32 {
      guard place + offset + 4 <= limit, let value = image.load(UInt32.self, at: place + offset) else {
        throw Self.unterminated(place)
      }
      return value
    }
    switch type {
    case 1: try Self.checkRequests(flags: flags, size: size, word)
    case 2: try readAddresses(at: place, of: image, limit: limit)
    case 3: entry = try word(8)
    case 4:
      let console = try word(8)
      if console & 2 == 0 { acceptsText = false }
      if console & 1 != 0 { consoleRequired = true }
    case 5: acceptsFramebuffer = true
    case 6, 7, 9: break
    case 10:
      relocatable = GRUBRelocatable(
        least: try word(8), greatest: try word(12), alignment: try word(16), preference: try word(20))
    default:
      guard flags & 1 == 0 else { return }
      throw .refuses(
        "unsupported tag: " + hex(type), "Multiboot2 tag at \(hex(place)), type \(type), flags \(flags)",
        "A tag of unknown type must be optional (flag 0).", .version2)
    }
  }

  /// The information request tag: the types of boot information that GRUB knows. 13, SMBIOS, is not among them.
  private static func checkRequests(
    flags: UInt16, size: UInt32, _ word: (UInt64) throws(GRUBStop) -> UInt32
  ) throws(GRUBStop) {
    guard flags & 1 == 0 else { return }
    var index: UInt32 = 0
    while index < (size &- 8) / 4 {
      let type = try word(8 + 4 * UInt64(index))
      guard type <= 21, type != 13 else {
        throw .refuses(
          "unsupported information tag: " + hex(type), "information request tag, request \(index): \(type)",
          "A request that is not optional names types of 0 to 21 without 13.", .version2)
      }
      index += 1
    }
  }

  private mutating func readAddresses(at place: UInt64, of image: RawSpan, limit: UInt64) throws(GRUBStop) {
    guard
      var fields = GRUBAddressFields(
        fileOffset: offset, in: image, at: place + 8, limit: limit, entry: nil)
    else { throw Self.unterminated(place) }
    if fields.rawLoad == .max { fields.load = fields.header &- offset }
    addressFields = fields
  }

  private static func unterminated(_ place: UInt64) -> GRUBStop {
    .misbehaves(
      "reads what its heap held before", "Multiboot2 tags, still no end tag at \(hex(place))",
      "Only a tag of type 0 ends the walk; header_length is not looked at.", .version2)
  }

  /// The console flags tag, looked at when the image is loaded.
  func checkConsole() throws(GRUBStop) {
    guard consoleRequired, !acceptsText, !acceptsFramebuffer else { return }
    throw .refuses(
      "OS requires a console but none is available", "console flags tag without EGA text, no framebuffer tag",
      "A required console must be one of text and framebuffer.", .command)
  }
}

/// Multiboot2's relocatable header tag (type 10).
struct GRUBRelocatable {
  var least: UInt32
  var greatest: UInt32
  var alignment: UInt32
  /// 1: as low as possible; 2: as high as possible; anything else: none.
  var preference: UInt32

  /// What the alignment field means: 0 is 1.
  var effectiveAlignment: UInt32 { max(alignment, 1) }
}
