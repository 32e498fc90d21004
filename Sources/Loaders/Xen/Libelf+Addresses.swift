import BootProtocols
import KernelImage
import Placement

extension Libelf {
  /// Whether the kernel is one for Xen (`elf_xen_note_check`).
  mutating func checkWishes(_ elf: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let machine = elf.machine ?? 0
    guard sawNoteRange || sawGuestText else {
      guard machine == 3 || machine == 62 else { return }
      throw .refuse(
        "ERROR: Not a Xen-ELF image: No ELF notes or '__xen_guest' section found", "e_machine \(machine)",
        "x86 images have notes or the section", "\(XenSource.info), elf_xen_note_check")
    }
    // EM_ARM.
    if machine == 40 {
      say("ELF: Not bothering with notes on ARM")
      return
    }
    guard loader.starts(with: "generic") || guestOS.starts(with: "linux") else {
      throw .refuse(
        "ERROR: Will only load images built for the generic loader or Linux images (Not '\(loader.string)' and "
          + "'\(guestOS.string)') or with PHYS32_ENTRY set",
        "LOADER '\(loader.string)', GUEST_OS '\(guestOS.string)'", "LOADER=generic or GUEST_OS=linux",
        "\(XenSource.info), elf_xen_note_check")
    }
    guard version.starts(with: "xen-3.0") else {
      throw .refuse(
        "ERROR: Xen will only load images built for Xen v3.0 (Not '\(version.string)')",
        "XEN_VERSION '\(version.string)'", "XEN_VERSION starts with xen-3.0",
        "\(XenSource.info), elf_xen_note_check")
    }
  }

  /// From p_paddr to guest virtual addresses, modulo 2⁶⁴ (`elf_xen_addr_calc_check`).
  mutating func placeAddresses(_ elf: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    if paddrOffset != Libelf.unset, virtualBase == Libelf.unset {
      throw .refuse(
        "ERROR: ELF_PADDR_OFFSET set, VIRT_BASE unset", "ELF_PADDR_OFFSET \(hex(paddrOffset)), no VIRT_BASE",
        "an offset needs a base", "\(XenSource.info), elf_xen_addr_calc_check")
    }
    if virtualBase == Libelf.unset {
      virtualBase = 0
      say("ELF: VIRT_BASE unset, using 0")
    }
    if paddrOffset == Libelf.unset {
      // Before notes, p_paddr held virtual addresses.
      paddrOffset = sawNoteRange ? 0 : virtualBase
      say("ELF_PADDR_OFFSET unset, using \(alternateHex(paddrOffset))")
    }
    if sawGuestText, hypercallPage != Libelf.unset { hypercallPage = hypercallPage &+ virtualBase }
    virtualOffset = virtualBase &- paddrOffset
    kernelStart = physicalStart &+ virtualOffset
    kernelEnd = physicalEnd &+ virtualOffset
    if entry == Libelf.unset { entry = checked(elf.entry) }
    if hasSymbols {
      readSymbols(elf, bytes)
      if let symbols { kernelEnd = symbols.end &+ virtualOffset }
    }
    sayAddresses()
    try checkAddresses()
  }

  private mutating func sayAddresses() {
    lines += [
      "ELF: addresses:", "    virt_base        = \(hex(virtualBase))", "    elf_paddr_offset = \(hex(paddrOffset))",
      "    virt_offset      = \(hex(virtualOffset))", "    virt_kstart      = \(hex(kernelStart))",
      "    virt_kend        = \(hex(kernelEnd))", "    virt_entry       = \(hex(entry))",
      "    p2m_base         = \(hex(machineListBase))",
    ]
  }

  private func checkAddresses() throws(XenStop) {
    let source = "\(XenSource.info), elf_xen_addr_calc_check"
    // An entry at the end itself passes.
    if kernelStart > kernelEnd || entry < kernelStart || entry > kernelEnd || virtualBase > kernelStart {
      throw .refuse(
        "ERROR: ELF start or entries are out of bounds",
        "virt_base \(hex(virtualBase)), virt_kstart \(hex(kernelStart)), virt_kend \(hex(kernelEnd)), virt_entry "
          + hex(entry),
        "virt_base <= virt_kstart <= virt_entry <= virt_kend", source)
    }
    if machineListBase != Libelf.unset, machineListBase >= kernelStart, machineListBase < kernelEnd {
      throw .refuse(
        "ERROR: P->M table base is out of bounds",
        "INIT_P2M \(hex(machineListBase)), kernel \(hex(kernelStart)) to \(hex(kernelEnd))",
        "the list lies outside the kernel", source)
    }
  }

  /// Room for the symbol table behind the kernel (`elf_parse_bsdsyms`): a size, an ELF header's union of 64 bytes behind
  /// another size, three section headers of the class, symbols and names, each sum rounded up to a word of the class.
  private mutating func readSymbols(_ elf: LenientELF, _ bytes: RawSpan) {
    let word: UInt64 = elf.is64 ? 8 : 4
    guard let table = symbolTable(elf, bytes) else {
      mark(broken: "invalid ELF handle for symtab section")
      return
    }
    // A link to something else is left alone without a word.
    guard let names = section(table.link, elf, bytes), names.type == 3 else { return }
    let start = physicalEnd.roundedUp(to: word)
    let headers = (4 + 68 + 3 * elf.sectionHeaderSize).roundedUp(to: word)
    let withSymbols = (headers &+ table.size).roundedUp(to: word)
    symbols = XenSymbols(
      start: start, end: start &+ (withSymbols &+ names.size).roundedUp(to: word), table: table, names: names)
  }

  /// The first SHT_SYMTAB, if its sh_link is an index of a section (`elf_init`).
  private mutating func symbolTable(_ elf: LenientELF, _ bytes: RawSpan) -> LenientELF.Section? {
    let count = elf.boundedSectionCount(in: bytes)
    for index in 1..<max(1, count) {
      guard let section = section(index, elf, bytes) else { return nil }
      if section.type == 2 { return section.link > 0 && section.link < count ? section : nil }
    }
    return nil
  }
}
