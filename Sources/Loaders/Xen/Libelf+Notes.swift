import BootProtocols
import KernelImage
import Placement

extension Libelf {
  private enum Form { case text, number }

  /// What 4.17 knows of a note's type; nil for the others.
  private static func form(of type: XenNoteType) -> Form? {
    switch type {
    case .xenVersion, .guestOS, .guestVersion, .loader, .paeMode, .features, .bsdSymbols: .text
    case .entry, .hypercallPage, .virtualBase, .physicalOffset, .hypervisorStartLow, .suspendCancel, .initialP2M,
      .moduleStartFrame, .supportedFeatures, .physicalEntry32:
      .number
    default: nil
    }
  }

  /// How many of Xen's notes lie in [start, end), offsets in the file; nil where one of them ends the reading
  /// (`elf_xen_parse_notes`). Notes step by 4 bytes in both classes; 65,536 in an image are enough.
  mutating func readNotes(_ elf: LenientELF, _ bytes: RawSpan, from start: UInt64, to end: UInt64) -> Int? {
    sawNoteRange = true
    var position = start
    var count = 0
    while position < end {
      guard noteCount < 65536 else {
        mark(broken: "too many ELF notes")
        break
      }
      noteCount += 1
      let descriptor = position &+ 12 &+ padded(word(elf, bytes, at: position))
      if let owner = text(elf, bytes, at: position &+ 12), owner.equals("Xen") {
        guard readNote(elf, bytes, at: position, descriptor: descriptor) else { return nil }
        count += 1
      }
      let next = descriptor &+ padded(word(elf, bytes, at: position &+ 4))
      guard next > position else { break }
      // What is asked is whether this note lies in the file, not the next.
      guard bytes.holds(1, at: position) else {
        mark(broken: "out of range access")
        break
      }
      position = next
    }
    return count
  }

  /// A size of a note, rounded up to 4 in 32 bits: the greatest three become 0.
  private func padded(_ size: UInt64) -> UInt64 { size.roundedUp(to: 4) & 0xffff_ffff }

  private mutating func word(_ elf: LenientELF, _ bytes: RawSpan, at offset: UInt64) -> UInt64 {
    checked(bytes.wide(UInt32.self, at: offset, isSwapped: elf.isSwapped))
  }

  /// A string of at most 4096 bytes and its NUL (`elf_strval`).
  mutating func text(_ elf: LenientELF, _ bytes: RawSpan, at offset: UInt64) -> CText? {
    if let text = CText(in: bytes, at: offset, limit: 4097) { return text }
    let reachesEnd = !bytes.holds(4097, at: offset)
    mark(broken: reachesEnd ? "out of range access" : "excessively long string")
    return nil
  }

  /// One note of Xen's (`elf_xen_parse_note`); false where a feature is required that nobody knows.
  private mutating func readNote(_ elf: LenientELF, _ bytes: RawSpan, at position: UInt64, descriptor: UInt64) -> Bool {
    let number = word(elf, bytes, at: position &+ 8)
    let type = XenNoteType(rawValue: UInt32(truncatingIfNeeded: number))
    guard let form = Libelf.form(of: type), let name = type.name else {
      say("ELF: note: unknown (\(alternateHex(number)))")
      return true
    }
    switch form {
    case .text:
      guard let text = text(elf, bytes, at: descriptor) else { return true }
      say("ELF: note: \(name) = \"\(text.string)\"")
      return apply(type, text)
    case .number:
      let value = integer(elf, bytes, at: descriptor, size: word(elf, bytes, at: position &+ 4))
      say("ELF: note: \(name) = \(alternateHex(value))")
      apply(type, value)
      if type == .supportedFeatures {
        hasSupportedFeatures = true
        // An array of 32-bit words, whatever the size printed; only the first has features.
        if word(elf, bytes, at: position &+ 4) >= 4 {
          supportedFeatures |= word(elf, bytes, at: descriptor)
        }
      }
    }
    return true
  }

  /// A number of 1, 2, 4 or 8 bytes; other sizes are 0 (`elf_note_numeric`).
  private mutating func integer(_ elf: LenientELF, _ bytes: RawSpan, at offset: UInt64, size: UInt64) -> UInt64 {
    switch size {
    case 1: checked(bytes.wide(UInt8.self, at: offset))
    case 2: checked(bytes.wide(UInt16.self, at: offset, isSwapped: elf.isSwapped))
    case 4: word(elf, bytes, at: offset)
    case 8: checked(bytes.wide(UInt64.self, at: offset, isSwapped: elf.isSwapped))
    default: 0
    }
  }

  private mutating func apply(_ type: XenNoteType, _ text: CText) -> Bool {
    switch type {
    case .loader: loader = text.cut
    case .guestOS: guestOS = text.cut
    case .xenVersion: version = text.cut
    case .paeMode:
      if text.equals("yes") { pae = .extended }
      if text.index(of: "bimodal") != nil { pae = .bimodal }
    case .bsdSymbols: if text.equals("yes") { hasSymbols = true }
    case .features: return readFeatures(text)
    default: break
    }
    return true
  }

  private mutating func apply(_ type: XenNoteType, _ value: UInt64) {
    switch type {
    case .entry: entry = value
    case .hypercallPage: hypercallPage = value
    case .virtualBase: virtualBase = value
    case .physicalOffset: paddrOffset = value
    case .hypervisorStartLow: hypervisorStartLow = value
    case .initialP2M: machineListBase = value
    case .moduleStartFrame: unmappedInitrd = value != 0
    case .physicalEntry32:
      let low = value & 0xffff_ffff
      physicalEntry = low == 0xffff_ffff ? nil : low
    default: break
    }
  }
}
