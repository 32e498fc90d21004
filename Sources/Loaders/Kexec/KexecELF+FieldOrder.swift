import BootProtocols
import KernelImage

/// Turns fields that were read as little-endian into the file's byte order.
struct FieldOrder {
  let is64: Bool
  let isBigEndian: Bool

  func half(_ value: UInt64?) -> UInt64 {
    let value = UInt16(truncatingIfNeeded: value ?? 0)
    return UInt64(isBigEndian ? value.byteSwapped : value)
  }

  func word(_ value: UInt64?) -> UInt64 {
    let value = UInt32(truncatingIfNeeded: value ?? 0)
    return UInt64(isBigEndian ? value.byteSwapped : value)
  }

  func address(_ value: UInt64?) -> UInt64 {
    guard is64 else { return word(value) }
    return isBigEndian ? (value ?? 0).byteSwapped : value ?? 0
  }

  func segment(_ raw: LenientELF.Segment) -> LenientELF.Segment {
    LenientELF.Segment(
      type: word(raw.type), flags: word(raw.flags), offset: address(raw.offset),
      virtualAddress: address(raw.virtualAddress), physicalAddress: address(raw.physicalAddress),
      fileSize: address(raw.fileSize), memorySize: address(raw.memorySize), alignment: address(raw.alignment))
  }

  func section(_ raw: LenientELF.Section) -> LenientELF.Section {
    LenientELF.Section(
      name: word(raw.name), type: word(raw.type), flags: address(raw.flags), address: address(raw.address),
      offset: address(raw.offset), size: address(raw.size), link: word(raw.link), info: word(raw.info),
      alignment: address(raw.alignment), entrySize: address(raw.entrySize))
  }
}
