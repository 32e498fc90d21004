import BootProtocols
import KernelImage
import Placement

extension GRUBLoad {
  /// Loads every section that has no address: .symtab, .strtab and .shstrtab among them. A count in section 0 is not
  /// looked for.
  mutating func sections(of file: LenientELF, _ image: RawSpan) throws(GRUBStop) {
    let count = file.sectionHeaderCount ?? 0
    let stride = file.sectionHeaderEntrySize ?? 0
    guard count > 0, let table = file.sectionHeaderOffset else { return }
    let evidence = "e_shoff \(hex(table)), e_shnum \(count), e_shentsize \(stride)"
    let size = UInt64(image.byteCount)
    guard table <= size else { throw .seek(evidence) }
    guard count * stride <= size - table else { throw .premature(request.imageName, evidence, .elf) }
    guard stride >= file.sectionHeaderSize else {
      throw .misbehaves(
        "reads and writes behind its buffer", evidence, "e_shentsize is not compared with a header's size.", .elf)
    }
    sectionTableSize = UInt32(truncatingIfNeeded: count * stride)
    for index in 0..<count {
      guard let section = file.section(index, in: image) else { break }
      try load(section, index, of: image)
    }
  }

  private mutating func load(
    _ section: LenientELF.Section, _ index: UInt64, of image: RawSpan
  ) throws(GRUBStop) {
    let evidence =
      "section \(index), sh_type \(section.type), sh_offset \(hex(section.offset)), sh_size \(hex(section.size)), "
      + "sh_addralign \(hex(section.alignment))"
    guard version == 1 || (section.type != 4 && section.type != 9) else {
      throw .refuses(
        "ELF files with relocs are not supported yet", evidence, "multiboot2 takes no SHT_REL and SHT_RELA.", .elf)
    }
    guard section.address == 0, section.size != 0 else { return }
    try checkLimit(evidence)
    let size = UInt32(truncatingIfNeeded: section.size)
    let alignment = UInt32(truncatingIfNeeded: section.alignment)
    guard alignment != 0 else {
      throw .misbehaves(
        "writes over the interrupt vectors", evidence, "Aligned to 0, every address becomes 0.", .relocator)
    }
    let target = try relocator.place(from: 0, upTo: ~size &+ 1, size: size, alignment: alignment, evidence)
    let fileSize = UInt64(image.byteCount)
    guard section.offset <= fileSize else { throw .seek(evidence) }
    guard section.size <= fileSize - section.offset else { throw .premature(request.imageName, evidence, .elf) }
    add(Self.bytes(section.offset, section.size), at: target, section.size, owner: "section \(index)")
    prediction.decisions.append(
      Decision(
        "section \(index)", choice: hex(target),
        because: "sh_addr is 0: put at the lowest free place and handed over"
      ))
  }
}
