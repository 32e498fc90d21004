import KernelImage

extension LenientELF {
  /// A program header's fields (System V gABI, ch. 5).
  struct Segment {
    var type, flags, offset, virtualAddress, physicalAddress, fileSize, memorySize, alignment: UInt64
  }

  /// A section header's fields (System V gABI, ch. 4).
  struct Section {
    var name, type, flags, address, offset, size, link, info, alignment, entrySize: UInt64
  }

  /// The program header whose first byte is at a file offset, or nil where the file ends before it does.
  ///
  /// - Parameter count: how many of its bytes the file must have, the whole header where nil; fields behind the file's
  ///   end are 0.
  func segment(at offset: UInt64, atLeast count: UInt64? = nil, in bytes: RawSpan) -> Segment? {
    guard bytes.holds(count ?? programHeaderSize, at: offset) else { return nil }
    let width: UInt64 = is64 ? 8 : 4
    // The flags stand second in a 64-bit header and seventh in a 32-bit one.
    let first = offset + (is64 ? 8 : 4)
    func field(_ index: UInt64) -> UInt64 {
      bytes.address(at: first + index * width, is64: is64, isSwapped: isSwapped) ?? 0
    }
    func word(_ place: UInt64) -> UInt64 { bytes.wide(UInt32.self, at: place, isSwapped: isSwapped) ?? 0 }
    return Segment(
      type: word(offset), flags: word(offset + (is64 ? 4 : 24)),
      offset: field(0), virtualAddress: field(1), physicalAddress: field(2), fileSize: field(3), memorySize: field(4),
      alignment: is64 ? field(5) : field(6))
  }

  /// The program header at an index of the table that the ELF header names: `e_phoff + index * stride`, modulo 2⁶⁴.
  ///
  /// - Parameter stride: bytes from one header to the next; e_phentsize where nil.
  func segment(_ index: UInt64, stride: UInt64? = nil, in bytes: RawSpan) -> Segment? {
    programHeaderPlace(index, stride: stride).flatMap { segment(at: $0, in: bytes) }
  }

  /// The file offset of that header; nil where the ELF header is cut off before its fields.
  func programHeaderPlace(_ index: UInt64, stride: UInt64? = nil) -> UInt64? {
    guard let table = programHeaderOffset, let step = stride ?? programHeaderEntrySize else { return nil }
    return table &+ index &* step
  }

  /// The section header whose first byte is at a file offset, or nil where the file ends before it does.
  ///
  /// - Parameter count: how many of its bytes the file must have, the whole header where nil; fields behind the file's
  ///   end are 0.
  func section(at offset: UInt64, atLeast count: UInt64? = nil, in bytes: RawSpan) -> Section? {
    guard bytes.holds(count ?? sectionHeaderSize, at: offset) else { return nil }
    let width: UInt64 = is64 ? 8 : 4
    func word(_ place: UInt64) -> UInt64 { bytes.wide(UInt32.self, at: place, isSwapped: isSwapped) ?? 0 }
    func address(_ place: UInt64) -> UInt64 { bytes.address(at: place, is64: is64, isSwapped: isSwapped) ?? 0 }
    func field(_ index: UInt64) -> UInt64 { address(offset + 8 + index * width) }
    let link = offset + 8 + 4 * width
    let tail = link + 8
    return Section(
      name: word(offset), type: word(offset + 4), flags: field(0), address: field(1), offset: field(2),
      size: field(3), link: word(link), info: word(link + 4),
      alignment: address(tail), entrySize: address(tail + width))
  }

  /// The section header at an index of the table that the ELF header names: `e_shoff + index * stride`, modulo 2⁶⁴.
  ///
  /// - Parameter stride: bytes from one header to the next; e_shentsize where nil.
  func section(_ index: UInt64, stride: UInt64? = nil, in bytes: RawSpan) -> Section? {
    sectionHeaderPlace(index, stride: stride).flatMap { section(at: $0, in: bytes) }
  }

  /// The file offset of that header; nil where the ELF header is cut off before its fields.
  func sectionHeaderPlace(_ index: UInt64, stride: UInt64? = nil) -> UInt64? {
    guard let table = sectionHeaderOffset, let step = stride ?? sectionHeaderEntrySize else { return nil }
    return table &+ index &* step
  }
}
