import KernelImage

extension Libelf {
  /// Reads and checks an image as `elf_xen_parse` does for a guest without paging: notes of PT_NOTE, else of SHT_NOTE,
  /// never the string of `__xen_guest`. Afterwards `kernelStart` and `kernelEnd` are physical.
  mutating func parsePVH(_ elf: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    guard readAllNotes(elf, bytes) != nil else {
      throw .refuse(
        "Unable to parse kernel for ELFNOTES", "FEATURES", "a feature with '!' must be one that Xen knows",
        "\(XenSource.info), elf_xen_parse_features")
    }
    // "PVH only requires one ELF note to be set"; the check of ARM's comes first, with the same result.
    if physicalEntry == nil { try checkWishes(elf, bytes) }
    // VIRT_BASE, PADDR_OFFSET and ENTRY do not count, but an offset without a base is refused all the same.
    if paddrOffset == Libelf.unset || virtualBase != Libelf.unset {
      virtualBase = 0
      paddrOffset = 0
    }
    entry = physicalEntry ?? Libelf.unset
    try placeAddresses(elf, bytes)
  }
}
