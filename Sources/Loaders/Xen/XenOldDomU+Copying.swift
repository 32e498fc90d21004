import Addresses
import KernelImage
import Placement

extension XenOldDomU {
  /// Page by page into the frames that a list names, in header order; the list's index is not checked (`loadelfimage`).
  func copy(
    _ file: LenientELF, _ bytes: RawSpan, pages: UInt64, into prediction: inout LoadPlan
  ) throws(XenStop) {
    for (index, segment) in file.loadable(rules.loadableFlags, in: bytes) {
      // Bytes beyond p_memsz are copied too: only the zeros end there.
      let count = max(segment.fileSize, segment.memorySize)
      guard count > 0 else { continue }
      let address = (segment.physicalAddress &- offset) & mask
      let evidence =
        "program header \(index), p_paddr \(hex(segment.physicalAddress)), p_filesz \(hex(segment.fileSize)), p_memsz "
        + "\(hex(segment.memorySize)), p_offset \(hex(segment.offset))"
      try check(address, count, pages: pages, evidence)
      guard segment.fileSize == 0 || bytes.holds(segment.fileSize, at: segment.offset) else {
        throw .misbehaves(
          Misbehaviour(
            "copies what lies in memory behind the image", evidence: evidence,
            rule: Rule("the source of a copy is not checked", source: rules.libxc("xc_load_elf.c, loadelfimage"))))
      }
      let range = FileRange(
        uncheckedStart: FileOffset(unchecked: segment.offset), count: ByteCount(segment.fileSize))
      prediction.pieces.append(
        Piece(
          source: segment.fileSize == 0 ? .zero : .image(range),
          destination: PhysicalRange(
            uncheckedStart: PhysicalAddress(unchecked: address), count: ByteCount(segment.fileSize)),
          zeroFill: ByteCount(count - segment.fileSize), owner: "segment \(index)"))
    }
  }

  /// Whether a range of pseudo-physical addresses has frames.
  func check(_ address: UInt64, _ count: UInt64, pages: UInt64, _ evidence: String) throws(XenStop) {
    let (last, wraps) = address.addingReportingOverflow(count - 1)
    guard wraps || last >> 12 >= pages else { return }
    throw .misbehaves(
      Misbehaviour(
        "takes numbers of frames from memory outside its list",
        evidence: "\(evidence), pseudo-physical \(hex(address)), the domain has \(hex(pages)) pages",
        rule: Rule("the list's index is not checked", source: rules.libxc("xc_load_elf.c, loadelfimage"))))
  }

  func addInitrd(_ request: LoaderRequest, to prediction: inout LoadPlan) {
    guard let initrd = segments.first(where: { $0.name == "module0" }) else { return }
    prediction.pieces.append(
      Piece(
        source: .module(0),
        destination: PhysicalRange(
          uncheckedStart: PhysicalAddress(unchecked: initrd.frame << 12), count: initrd.range.count),
        owner: "initrd"))
  }

  func remark(
    _ file: LenientELF, _ bytes: RawSpan, _ request: LoaderRequest, _ prediction: inout LoadPlan
  ) throws(XenStop) {
    prediction.remarkOnPieces(
      entryAt: (entry &- start) & mask, modules: request.modules.count, source: guestSource)
    remarkOnIgnored(file, bytes, &prediction)
    try remarkOnHypercallPage(request, &prediction)
    if request.initrdSize > 0 {
      prediction.remarks.append(
        Remark(
          .unspecified,
          "The initrd is unpacked where gzip packed it; its last page ends in what the tool's buffer held.",
          rule: Rule("whole pages are copied", source: rules.libxc("xc_linux_build.c, load_initrd"))))
    }
    prediction.decisions =
      [
        Decision(
          "pseudo-physical address", choice: "p_paddr - \(hex(offset))",
          because: rules == .march2006
            ? "Linux wrote virtual addresses into p_paddr, and v_start is \(hex(start))"
            : "ELF_PADDR_OFFSET, or \(wishes.hasNotes ? "0 with notes" : "VIRT_BASE"), is taken off",
          rejected: [.init("p_vaddr", "the builder never reads it")])
      ] + segments.map { $0.decision }
  }

  private func remarkOnIgnored(_ file: LenientELF, _ bytes: RawSpan, _ prediction: inout LoadPlan) {
    for (index, segment) in file.loadable(7, in: bytes) where segment.flags & 3 == 0 && segment.memorySize > 0 {
      prediction.remarks.append(
        Remark(
          .segmentIgnored, "Segment \(index) is left out: p_flags \(hex(segment.flags)).",
          rule: Rule("PT_LOAD with a bit of W, X", source: rules.libxc("xc_load_elf.c, is_loadable_phdr"))))
      // One is enough: a file may hold thousands.
      return
    }
  }

  /// The hypervisor writes the stubs alone; the bytes between stay.
  private func remarkOnHypercallPage(_ request: LoaderRequest, _ prediction: inout LoadPlan) throws(XenStop) {
    guard let frame = wishes.hypercallFrame else { return }
    guard frame < request.pages else {
      throw .refuse(
        "Error constructing guest OS", "HYPERCALL_PAGE, frame \(hex(frame))",
        "a page of the domain, which has \(hex(request.pages))", guestSource)
    }
    prediction.remarks.append(
      Remark(
        .unspecified,
        "The hypervisor writes 128 stubs, one every 32 bytes, into the page at pseudo-physical \(hex(frame << 12)).",
        rule: Rule(
          "HYPERCALL_PAGE", source: "xen/arch/x86/x86_64/traps.c, x86_32/traps.c, hypercall_page_initialise")))
  }
}
