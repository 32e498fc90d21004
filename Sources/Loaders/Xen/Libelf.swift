import KernelImage

/// The symbols that stand behind a kernel: p_paddr of their room, and the sections that they come from.
struct XenSymbols {
  var start: UInt64
  var end: UInt64
  var table: LenientELF.Section
  var names: LenientELF.Section
}

/// What libelf gathers from an image: `struct elf_binary` and `struct elf_dom_parms` (xen/include/xen/libelf.h).
struct Libelf {
  enum PAE { case no, yes, extended, bimodal }

  /// A number that the image does not give.
  static var unset: UInt64 { .max }

  /// The console's lines.
  var lines: [String] = []
  /// The first reason why the image is broken; later ones are not kept.
  var broken: String?
  /// The least p_paddr and the greatest p_paddr + p_memsz, modulo 2⁶⁴, of loadable segments.
  var physicalStart = UInt64.max
  var physicalEnd: UInt64 = 0
  /// Whether notes were looked into: libelf asks for a pointer, not for a note.
  var sawNoteRange = false
  /// Whether there is a `__xen_guest` string.
  var sawGuestText = false
  var noteCount: UInt64 = 0

  var virtualBase = Libelf.unset
  var entry = Libelf.unset
  /// PHYS32_ENTRY, 32 bits of it; nil where it is not given, or is 0xffff_ffff, which libelf takes for "not given".
  var physicalEntry: UInt64?
  var hypercallPage = Libelf.unset
  var hypervisorStartLow = Libelf.unset
  var machineListBase = Libelf.unset
  var paddrOffset = Libelf.unset
  var loader = CText([])
  var guestOS = CText([])
  var version = CText([])
  var pae = PAE.no
  var hasSymbols = false
  var unmappedInitrd = false
  /// Bit i: the kernel runs on a hypervisor with feature i.
  var supportedFeatures: UInt64 = 0
  var hasSupportedFeatures = false
  /// Bit i: the kernel runs only on a hypervisor with feature i.
  var requiredFeatures: UInt64 = 0

  var virtualOffset: UInt64 = 0
  var kernelStart: UInt64 = 0
  var kernelEnd: UInt64 = 0
  var symbols: XenSymbols?

  mutating func say(_ line: String) { lines.append(line) }

  mutating func mark(broken reason: String) { if broken == nil { broken = reason } }

  /// An unsigned field, 0 and a broken image where the file ends before it.
  mutating func checked(_ value: UInt64?) -> UInt64 {
    guard let value else {
      mark(broken: "out of range access")
      return 0
    }
    return value
  }
}

/// The features by number; nil where a number has no name.
private var featureNames: [String?] {
  [
    "writable_page_tables", "writable_descriptor_tables", "auto_translated_physmap", "supervisor_mode_kernel",
    "pae_pgdir_above_4gb", nil, nil, nil, "hvm_callback_vector", nil, nil, "dom0",
  ]
}

extension Libelf {
  /// Names between bars, '!' before required ones; false where a required one has no meaning
  /// (`elf_xen_parse_features`). Names are cut at 63 bytes, and the rest is another name.
  mutating func readFeatures(_ text: CText) -> Bool {
    var rest = text.bytes[...]
    while !rest.isEmpty {
      let head = rest.prefix(63)
      let name = head.prefix { $0 != 0x7c }
      rest = rest.dropFirst(name.count < head.count ? name.count + 1 : name.count)
      let isRequired = name.first == 0x21
      let wanted = isRequired ? name.dropFirst() : name
      if let feature = featureNames.firstIndex(where: { $0.map { wanted.elementsEqual($0.utf8) } ?? false }) {
        supportedFeatures |= 1 << UInt64(feature)
        if isRequired { requiredFeatures |= 1 << UInt64(feature) }
      } else if isRequired {
        return false
      }
    }
    return true
  }

  /// Comma separated NAME=VALUE (`elf_xen_parse_guest_info`): 31 bytes of a name and 127 of a value count, what is over
  /// is another name. Ends at an unknown required feature; the caller never learns of it.
  mutating func readGuestText(_ text: CText) {
    var rest = text.bytes[...]
    while !rest.isEmpty {
      let name = CText(Array(rest.prefix(31).prefix { $0 != 0x2c && $0 != 0x3d }))
      rest = rest.dropFirst(name.bytes.count)
      var value = CText([])
      // A name of 31 bytes ends before the byte after it is looked at.
      if name.bytes.count < 31, let separator = rest.first {
        rest = rest.dropFirst()
        if separator == 0x3d {
          value = CText(Array(rest.prefix(127).prefix { $0 != 0x2c }))
          rest = rest.dropFirst(value.bytes.count)
          if value.bytes.count < 127 { rest = rest.dropFirst() }
        }
      }
      say("ELF: \(name.string)=\"\(value.string)\"")
      guard apply(name, value) else { return }
    }
  }

  private mutating func apply(_ name: CText, _ value: CText) -> Bool {
    let number = CText.number(value.bytes)
    switch name {
    case "LOADER": loader = value.cut
    case "GUEST_OS": guestOS = value.cut
    case "XEN_VER": version = value.cut
    case "PAE":
      if value.equals("yes[extended-cr3]") { pae = .extended } else if value.starts(with: "yes") { pae = .yes }
    case "BSD_SYMTAB": hasSymbols = true
    case "VIRT_BASE": virtualBase = number
    case "VIRT_ENTRY": entry = number
    case "ELF_PADDR_OFFSET": paddrOffset = number
    case "HYPERCALL_PAGE": hypercallPage = number << 12
    case "FEATURES": return readFeatures(value)
    default: break
    }
    return true
  }
}
