import Addresses
import KernelImage

/// The fields of an image that say what its `p_paddr` mean: Xen's notes (xen/include/public/elfnote.h), else the string
/// in the section `__xen_guest` (xen/common/libelf/libelf-dominfo.c), and the headers of protocols whose loaders read
/// them as physical.
struct AddressFields {
  /// PADDR_OFFSET or ELF_PADDR_OFFSET: what is taken from `p_paddr`.
  private(set) var offset: UInt64?
  /// VIRT_BASE: the virtual address of physical 0.
  private(set) var virtualBase: UInt64?
  /// Whether they come from the string, where the offset is VIRT_BASE unless told.
  private(set) var isText = false
  /// The header that makes `p_paddr` physical: "a Multiboot header".
  private(set) var physicalHeader: StaticString?

  init(_ elf: borrowing ELFFile, in bytes: RawSpan) {
    var hasNotes = false
    for note in (try? elf.notes(in: bytes)) ?? [] where note.isOwned(by: "Xen") {
      hasNotes = true
      guard let value = note.number(in: bytes) else { continue }
      switch XenNoteType(rawValue: note.type) {
      case .physicalOffset: offset = value
      case .virtualBase: virtualBase = value
      case .physicalEntry32: physicalHeader = "the note PHYS32_ENTRY"
      default: break
      }
    }
    if !hasNotes, let text = elf.xenGuestText(in: bytes) {
      isText = true
      read(text.bytes)
    }
    if MultibootHeader(version: .one, searching: bytes) != nil
      || MultibootHeader(version: .two, searching: bytes) != nil
    {
      physicalHeader = "a Multiboot header"
    }
  }

  /// What would say it where nothing does.
  var missing: StaticString { isText ? "ELF_PADDR_OFFSET in __xen_guest" : "the note PADDR_OFFSET" }

  private mutating func read(_ text: [UInt8]) {
    var rest = text[...]
    while let (field, behind) = rest.cut(at: UInt8(ascii: ",")) {
      readField(field)
      rest = behind
    }
    readField(rest)
  }

  /// NAME=VALUE.
  private mutating func readField(_ field: ArraySlice<UInt8>) {
    guard let (name, value) = field.cut(at: UInt8(ascii: "=")), !value.isEmpty else { return }
    // Signs before the name are left out.
    guard !name.isEmpty else { return readField(value) }
    if name.spells("VIRT_BASE") { virtualBase = Self.number(value) }
    if name.spells("ELF_PADDR_OFFSET") { offset = Self.number(value) }
  }

  /// As `strtoull` with base 0, but that a number beyond 64 bits, or with anything behind it, is none.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard digits.count > 1, digits.first == UInt8(ascii: "0") else { return number(digits, radix: 10) }
    let isHexadecimal = digits[digits.startIndex + 1] | 0x20 == UInt8(ascii: "x")
    return isHexadecimal ? number(digits.dropFirst(2), radix: 16) : number(digits.dropFirst(), radix: 8)
  }

  private static func number(_ text: ArraySlice<UInt8>, radix: UInt64) -> UInt64? {
    let sign = text.first
    let digits = sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") ? text.dropFirst() : text
    let value = digits.number(radix: radix)
    return sign == UInt8(ascii: "-") && value != 0 ? nil : value
  }
}
