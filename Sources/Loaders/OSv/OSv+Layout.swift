import BootProtocols
import KernelImage
import Placement

extension OSv.Layout {
  /// Where the file says how it is entered: e_entry, later a slot of its own, when e_entry became the 64-bit entry for
  /// Firecracker.
  var entrySlot: UInt64 { self == .low ? 24 : 0x800 }

  /// The most program headers that are looked at: OSv's linker script makes five.
  private static var headerLimit: UInt64 { 64 }

  private func loads(of image: RawSpan) -> [(index: UInt64, header: LenientELF.Segment)] {
    let file = LenientELF(image, is64: true)
    guard file.hasMagic, file.fileClass == 2, file.machine == 62, let count = file.programHeaderCount else { return [] }
    var loads: [(index: UInt64, header: LenientELF.Segment)] = []
    for index in 0..<min(count, Self.headerLimit) {
      guard let segment = file.segment(index, in: image) else { break }
      if segment.type == 1 { loads.append((index: index, header: segment)) }
    }
    return loads
  }

  /// Whether an image is linked as OSv's kernel was: the file from its first byte at 0x200000, this layout's shift, and
  /// an entry inside.
  func isLinked(_ image: RawSpan) -> Bool {
    guard let first = loads(of: image).first?.header, first.offset == 0, first.physicalAddress == OSv.base,
      first.virtualAddress == OSv.base + shift, let entry = image.wide(UInt32.self, at: entrySlot)
    else { return false }
    return entry >= OSv.base && entry - OSv.base < first.fileSize
  }

  /// Where the file's headers and the copy disagree: nobody looks.
  func remarkSegments(of image: RawSpan, _ prediction: inout LoadPlan) {
    for (index, segment) in loads(of: image) {
      let place = OSv.base &+ segment.offset
      if segment.physicalAddress != place {
        prediction.remarks.append(
          Remark(
            .segmentIgnored,
            "program header \(index), p_paddr \(hex(segment.physicalAddress)): its bytes lie at \(hex(place)), where the "
              + "copy of the file has them.",
            rule: Rule("the file is copied as it is", source: OSv.bootSource)))
      }
      let end = segment.virtualAddress.addingReportingOverflow(segment.memorySize)
      if segment.virtualAddress != segment.physicalAddress &+ shift || end.overflow
        || end.partialValue > shift + 0x4000_0000
      {
        prediction.remarks.append(
          Remark(
            .entryOutsideImage,
            "program header \(index), p_vaddr \(hex(segment.virtualAddress)): this layout's tables have nothing of it "
              + "there.",
            rule: Rule("physical and virtual differ by \(hex(shift)), within 1 GiB", source: OSv.tableSource)))
      }
    }
  }
}
