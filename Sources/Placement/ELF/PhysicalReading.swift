import Addresses
import KernelImage

/// How the `p_paddr` fields of an image are read: all of them alike. Images of different traditions mean different
/// things, and some have segments whose `p_paddr` equals `p_vaddr` on purpose beside others whose does not.
struct PhysicalReading {
  enum Kind {
    /// `p_paddr`, less the offset, is a physical address.
    case physical
    /// It is a virtual address, or one where nothing can be: only the distances between segments count.
    case virtual
  }

  var kind: Kind
  /// What is taken from each `p_paddr`.
  var offset: UInt64 = 0
  var because: Sentence
  /// The other reading, and why it is not taken.
  var rejected: [Decision.Rejected] = []
  /// Said where the readings give different places and no field decides.
  var remark: Remark?

  var decision: Decision {
    Decision(
      "reading of p_paddr", choice: kind == .physical ? "physical addresses" : "only distances count",
      because: because, rejected: rejected)
  }

  /// An image that is moved as a whole, `p_vaddr` and all.
  @inline(never) init(positionIndependent _: Void) {
    kind = .virtual
    because = "position independent: the distances between segments' p_vaddr are kept"
  }

  /// A field decides; else the machine does, for the image as a whole.
  ///
  /// - Throws: ``PlanError`` for an offset that the image's `p_paddr` do not reach.
  @inline(never) init(_ segments: [ProgramHeader], _ fields: borrowing AddressFields, memoryTop: UInt64)
    throws(PlanError)
  {
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
      self.init(
        extent, offset: offset, because: "\(fields.missing) is \(hex: offset)", "the field decides",
        memoryTop: memoryTop)
    } else if fields.isText, let base = fields.virtualBase, base <= extent.low {
      self.init(
        extent, offset: base, because: "__xen_guest says VIRT_BASE=\(hex: base), the default of ELF_PADDR_OFFSET",
        "the field decides", memoryTop: memoryTop)
    } else if let header = fields.physicalHeader {
      self.init(extent, offset: 0, because: "\(header)", "the header decides", memoryTop: memoryTop)
    } else {
      self.init(segments, extent, fields, memoryTop: memoryTop)
    }
  }

  /// As a field says.
  @inline(never) private init(
    _ extent: Extent, offset: UInt64, because field: Sentence, _ reason: Sentence, memoryTop: UInt64
  ) {
    let place: Sentence = "[\(hex: extent.low - offset), \(hex: extent.high - offset))"
    self.offset = offset
    let isPlace = extent.low - offset >= PerchLoader.floor && extent.high - offset <= memoryTop
    // An offset of 0 says that they are physical. Where that is, is the image's own demand.
    kind = offset == 0 || isPlace ? .physical : .virtual
    because =
      kind == .physical
      ? "\(field): \(place)"
      : "\(field): \(place) is not all memory at or above 1 MiB, so that the image lies elsewhere"
    rejected = [
      offset == 0
        ? .init("virtual addresses: \(extent.size) at any place", reason)
        : .init("physical addresses as they stand: \(extent.text)", reason)
    ]
  }

  /// As the machine allows.
  @inline(never) private init(
    _ segments: [ProgramHeader], _ extent: Extent, _ fields: borrowing AddressFields, memoryTop: UInt64
  ) {
    let repeating = segments.count { $0.physicalAddress == $0.virtualAddress.value }
    let isAllAlike = repeating == segments.count
    let base = fields.virtualBase.flatMap { $0 > 0 && $0 <= extent.low ? $0 : nil }
    let fits = extent.high <= memoryTop
    let some: Sentence =
      isAllAlike ? "every p_paddr repeats p_vaddr" : "\(repeating) of \(segments.count) p_paddr repeat p_vaddr"
    let asVirtual: Sentence =
      base.map { "virtual addresses: [\(hex: extent.low - $0), \(hex: extent.high - $0)), less VIRT_BASE \(hex: $0)" }
      ?? "virtual addresses: \(extent.size) at any place"
    if fits || (repeating == 0 && base == nil) {
      kind = .physical
      because = "\(extent.text) \(fits ? "lies below" : "reaches beyond") the end of memory \(hex: memoryTop), and "
      because += isAllAlike ? "p_paddr equals p_vaddr" : "p_paddr differs from p_vaddr"
      rejected = [
        .init(
          asVirtual,
          isAllAlike
            ? "the virtual place is the physical one"
            : repeating == 0 ? "no p_paddr repeats p_vaddr" : "\(some), the others are no virtual addresses")
      ]
    } else {
      kind = .virtual
      because = "\(some), and \(extent.text) reaches beyond the end of memory \(hex: memoryTop): the distances between "
      because += "segments are kept, \(extent.size) in all; the kernel must run at any physical place"
      rejected = [.init("physical addresses: \(extent.text)", "the machine has no memory there")]
    }
    let isOpen = kind == .virtual || base != nil || (repeating > 0 && !isAllAlike)
    if isOpen, extent.high <= 1 << 52 {
      remark = Remark(
        .ambiguousReading,
        "p_paddr can be read as physical addresses, \(extent.text), or as \(asVirtual): \(fields.missing) would end it",
        rule: Rule("p_paddr is read as a field of the image says, else as the machine allows", source: "Perch"))
    }
  }
}

/// From the lowest to the highest byte of an image by `p_paddr`, never by `p_vaddr`: a segment near the top of the
/// address space (Linux's vsyscall page) would make it 2 GiB long.
private struct Extent {
  var low: UInt64 = .max
  var high: UInt64 = 0

  @inline(never) init(_ segments: [ProgramHeader]) {
    for segment in segments {
      let (end, overflow) = segment.physicalAddress.addingReportingOverflow(segment.memorySize.value)
      low = min(low, segment.physicalAddress)
      high = max(high, overflow ? .max : end)
    }
  }

  var text: Sentence { "[\(hex: low), \(hex: high))" }
  var size: Sentence { "\(hex: high - low) bytes" }
}
