import Addresses
import KernelImage

/// How the `p_paddr` fields of an image are read: all of them alike. Images of different traditions mean different
/// things, and some have segments whose `p_paddr` equals `p_vaddr` on purpose beside others whose does not.
///
/// One reference, made at the end of what can fail.
final class PhysicalReading {
  enum Kind {
    /// `p_paddr`, less the offset, is a physical address.
    case physical
    /// It is a virtual address, or one where nothing can be: only the distances between segments count.
    case virtual
  }

  let kind: Kind
  /// What is taken from each `p_paddr`.
  let offset: UInt64
  let because: Sentence
  let decision: Decision
  /// Said where the readings give different places and no field decides.
  let remark: Remark?
  var remarks: [Remark] { remark.map { [$0] } ?? [] }

  /// - Parameter rejected: the other reading, and why it is not taken.
  private init(
    _ kind: Kind, offset: UInt64, because: Sentence, rejected: Decision.Rejected?, remark: Remark? = nil
  ) {
    self.kind = kind
    self.offset = offset
    self.because = because
    decision = Decision(
      "reading of p_paddr", choice: kind == .physical ? "physical addresses" : "only distances count",
      because: because, rejected: rejected.map { [$0] } ?? [])
    self.remark = remark
  }

  /// An image that is moved as a whole, `p_vaddr` and all.
  static func positionIndependent() -> PhysicalReading {
    PhysicalReading(
      .virtual, offset: 0, because: "position independent: the distances between segments' p_vaddr are kept",
      rejected: nil)
  }

  /// A field decides; else the machine does, for the image as a whole.
  ///
  /// - Throws: ``PlanError`` for an offset that the image's `p_paddr` do not reach.
  static func of(
    _ segments: [ProgramHeader], _ fields: borrowing AddressFields, memoryTop: UInt64
  ) throws(PlanError) -> PhysicalReading {
    let extent = Extent(segments)
    if let offset = fields.offset {
      guard offset <= extent.low else {
        throw PlanError(
          .wrongImage,
          """
          \(fields.isText ? "ELF_PADDR_OFFSET" : "PADDR_OFFSET") \(hex: offset) exceeds the lowest p_paddr \
          \(hex: extent.low)
          """)
      }
      return asSaid(extent, offset, "\(fields.missing) is \(hex: offset)", "the field decides", memoryTop)
    }
    if fields.isText, let base = fields.virtualBase, base <= extent.low {
      return asSaid(
        extent, base, "__xen_guest says VIRT_BASE=\(hex: base), the default of ELF_PADDR_OFFSET", "the field decides",
        memoryTop)
    }
    if let header = fields.physicalHeader { return asSaid(extent, 0, "\(header)", "the header decides", memoryTop) }
    return asMachineAllows(segments, extent, fields, memoryTop)
  }

  /// As a field says.
  private static func asSaid(
    _ extent: Extent, _ offset: UInt64, _ field: Sentence, _ reason: Sentence, _ memoryTop: UInt64
  ) -> PhysicalReading {
    let place: Sentence = "\(field): [\(hex: extent.low - offset), \(hex: extent.high - offset))"
    let isPlace = extent.low - offset >= PerchLoader.floor && extent.high - offset <= memoryTop
    // An offset of 0 says that they are physical. Where that is, is the image's own demand.
    let isPhysical = offset == 0 || isPlace
    return PhysicalReading(
      isPhysical ? .physical : .virtual, offset: offset,
      because: isPhysical
        ? place : place + " is not all memory at or above 1 MiB, so that the image lies elsewhere",
      rejected: .init(
        offset == 0
          ? "virtual addresses: \(extent.size) at any place"
          : "physical addresses as they stand: \(extent.text)", reason))
  }

  private static func asMachineAllows(
    _ segments: [ProgramHeader], _ extent: Extent, _ fields: borrowing AddressFields, _ memoryTop: UInt64
  ) -> PhysicalReading {
    var repeating = 0
    for segment in segments where segment.physicalAddress == segment.virtualAddress.value { repeating += 1 }
    let isAllAlike = repeating == segments.count
    let base = fields.virtualBase.flatMap { $0 > 0 && $0 <= extent.low ? $0 : nil }
    let isPhysical = extent.high <= memoryTop || (repeating == 0 && base == nil)
    let asVirtual: Sentence =
      if let base {
        "virtual addresses: [\(hex: extent.low - base), \(hex: extent.high - base)), less VIRT_BASE \(hex: base)"
      } else {
        "virtual addresses: \(extent.size) at any place"
      }
    let some: Sentence =
      isAllAlike ? "every p_paddr repeats p_vaddr" : "\(repeating) of \(segments.count) p_paddr repeat p_vaddr"
    var remark: Remark?
    if !isPhysical || base != nil || (repeating > 0 && !isAllAlike), extent.high <= 1 << 52 {
      remark = Remark(
        .ambiguousReading,
        "p_paddr can be read as physical addresses, \(extent.text), or as \(asVirtual): \(fields.missing) would end it",
        rule: Rule("p_paddr is read as a field of the image says, else as the machine allows", source: "Perch"))
    }
    guard isPhysical else {
      return PhysicalReading(
        .virtual, offset: 0,
        because: """
          \(some), and \(extent.text) reaches beyond the end of memory \(hex: memoryTop): the distances between \
          segments are kept, \(extent.size) in all; the kernel must run at any physical place
          """,
        rejected: .init("physical addresses: \(extent.text)", "the machine has no memory there"), remark: remark)
    }
    let reach: StaticString = extent.high <= memoryTop ? "lies below" : "reaches beyond"
    let equal: StaticString = isAllAlike ? "equals" : "differs from"
    return PhysicalReading(
      .physical, offset: 0,
      because: "\(extent.text) \(reach) the end of memory \(hex: memoryTop), and p_paddr \(equal) p_vaddr",
      rejected: .init(
        asVirtual,
        isAllAlike
          ? "the virtual place is the physical one"
          : repeating == 0 ? "no p_paddr repeats p_vaddr" : some + ", the others are no virtual addresses"),
      remark: remark)
  }
}

/// From the lowest to the highest byte of an image by `p_paddr`, never by `p_vaddr`: a segment near the top of the
/// address space (Linux's vsyscall page) would make it 2 GiB long.
private struct Extent {
  var low: UInt64 = .max
  var high: UInt64 = 0

  init(_ segments: [ProgramHeader]) {
    for segment in segments {
      let (end, overflow) = segment.physicalAddress.addingReportingOverflow(segment.memorySize.value)
      low = min(low, segment.physicalAddress)
      high = max(high, overflow ? .max : end)
    }
  }

  @inline(never) var text: Sentence { "[\(hex: low), \(hex: high))" }
  @inline(never) var size: Sentence { "\(hex: high - low) bytes" }
}
