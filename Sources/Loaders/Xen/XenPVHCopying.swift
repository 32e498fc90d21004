import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenPVHDom0 {
  /// Copies segments in header order to their physical addresses (`elf_load_binary`, `elf_load_image`). The functions
  /// that copy and clear take 32-bit counts, and stop at the first page that is not memory.
  mutating func copy(_ file: LenientELF, _ bytes: RawSpan, into prediction: inout LoadPlan) throws(XenStop) {
    var budget = (elf.kernelEnd &- elf.kernelStart) &* 2
    for (index, segment) in elf.loadable(file, bytes) {
      guard budget >= segment.memorySize else {
        elf.mark(broken: "program segments total to more than the input image size")
        prediction.remarks.append(
          Remark(
            .segmentIgnored, "Segment \(index) and those after it are left out; the kernel is entered all the same.",
            rule: Rule(
              "the sum of p_memsz is at most twice the kernel's extent",
              source: "\(XenSource.loader), elf_load_binary")))
        return
      }
      budget -= segment.memorySize
      try copy(segment, index, bytes, into: &prediction)
    }
  }

  private mutating func copy(
    _ segment: LenientELF.Segment, _ index: UInt64, _ bytes: RawSpan, into prediction: inout LoadPlan
  ) throws(XenStop) {
    let address = segment.physicalAddress
    let evidence =
      "program header \(index), p_paddr \(hex(address)), p_filesz \(hex(segment.fileSize)), p_memsz "
      + "\(hex(segment.memorySize)), p_offset \(hex(segment.offset))"
    let count = segment.fileSize & 0xffff_ffff
    let room = memory.run(from: address)
    // Seen: p_offset 1 << 40, a page fault of the hypervisor; p_offset -0x800, the domain runs what lay before the
    // image.
    if min(count, room) > 0, !bytes.holds(min(count, room), at: segment.offset) {
      throw .misbehaves(
        Misbehaviour(
          "copies what lies in memory behind the image", evidence: evidence,
          rule: Rule("the source of a copy is not checked", source: "\(XenSource.loader), elf_load_image")))
    }
    let cleared = segment.memorySize &- segment.fileSize
    let zeros = cleared & 0xffff_ffff
    guard count <= room, zeros == 0 || zeros <= memory.run(from: address &+ segment.fileSize) else {
      lines.append("Failed to load kernel: -1")
      lines.append("Xen dom0 kernel broken ELF: \(elf.broken ?? "<NULL>")")
      throw .refuse(
        "Failed to load kernel: -1", evidence, "every page of a segment is memory of the domain",
        "\(XenSource.loader), elf_load_image")
    }
    add(segment, index, count, zeros, to: &prediction)
    if cleared != zeros {
      prediction.remarks.append(
        Remark(
          .notZeroed, "Segment \(index): \(hex(zeros)) of \(hex(cleared)) bytes are cleared.",
          rule: Rule("counts have 32 bits", source: "Xen 4.17, xen/arch/x86/hvm/hvm.c, hvm_copy_to_guest_phys")))
    }
  }

  private func add(
    _ segment: LenientELF.Segment, _ index: UInt64, _ count: UInt64, _ zeros: UInt64, to prediction: inout LoadPlan
  ) {
    func range(_ address: UInt64, _ count: UInt64) -> PhysicalRange {
      PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: address), count: ByteCount(count))
    }
    let owner = "segment \(index)"
    let bytes = FileRange(uncheckedStart: FileOffset(unchecked: segment.offset), count: ByteCount(count))
    let address = segment.physicalAddress
    if count > 0 {
      // What is cleared begins p_filesz bytes on, all 64 bits of it.
      let follows = count == segment.fileSize
      prediction.pieces.append(
        Piece(
          source: .image(bytes), destination: range(address, count), zeroFill: ByteCount(follows ? zeros : 0),
          owner: owner))
      if follows { return }
    }
    guard zeros > 0 else { return }
    prediction.pieces.append(
      Piece(
        source: .zero, destination: range(address &+ segment.fileSize, 0), zeroFill: ByteCount(zeros), owner: owner))
  }
}

extension LoadPlan {
  /// What will go wrong without a word.
  mutating func remarkOnPVH(_ entry: UInt64, kernel: Libelf, _ request: LoaderRequest, tablesEnd: UInt64) {
    let segments = pieces.filter { $0.owner.utf8.starts(with: "segment ".utf8) }
    if !segments.contains(where: { $0.extent.contains(PhysicalAddress(unchecked: entry)) }) {
      remarks.append(
        Remark(
          .entryOutsideImage, "The entry, \(hex(entry)), lies in no segment.",
          rule: Rule("from the first byte to the end itself passes, gaps too", source: XenSource.info)))
    }
    if let symbols = kernel.symbols {
      remarks.append(
        Remark(
          .unspecified,
          "A symbol table is put at \(hex(symbols.start)) to \(hex(symbols.end)); its bytes are not listed.",
          rule: Rule("BSD_SYMTAB=yes", source: "\(XenSource.loader), elf_load_bsdsyms")))
    }
    if request.modules.count > 1 {
      remarks.append(
        Remark(
          .moduleIgnored, "Xen hands one module over; \(request.modules.count - 1) more are not.",
          rule: Rule("the first module behind the kernel is the initrd", source: XenPVH.source)))
    }
    let tables = "\(hex(tablesEnd - 4096)) to \(hex(tablesEnd))"
    let rule = Rule(
      "ACPI tables take the end of the last range below 4 GiB", source: "\(XenPVH.source), pvh_setup_acpi")
    remarks.append(
      Remark(
        .unspecified, "ACPI tables lie in \(tables); rsdp_paddr points there: their size depends on the host.",
        rule: rule))
    remarkOnPVHOverlaps(segments, tables: tables, tablesEnd: tablesEnd, rule)
  }

  private mutating func remarkOnPVHOverlaps(
    _ segments: [Piece], tables: String, tablesEnd: UInt64, _ rule: Rule
  ) {
    if let hit = pieces.first(where: { $0.extent.start.value < tablesEnd && $0.extent.endValue > tablesEnd - 4096 }) {
      remarks.append(Remark(.overlap, "The ACPI tables may overwrite \(hit.owner), in \(tables).", rule: rule))
    }
    let others = pieces.filter { !$0.owner.utf8.starts(with: "segment ".utf8) }
    let low = others.map { $0.extent.start.value }.min() ?? 0
    let high = others.map { $0.extent.endValue }.max() ?? 0
    if let hit = segments.first(where: { $0.extent.start.value < high && $0.extent.endValue > low }) {
      remarks.append(
        Remark(
          .overlap, "Initrd and start information, \(hex(low)) to \(hex(high)), overwrite \(hit.owner).",
          rule: Rule(
            "the larger gap is taken by unsigned differences, and the module's string has no room of its own",
            source: "\(XenPVH.source), find_memory")))
    }
    let sorted = segments.sorted { $0.extent.start < $1.extent.start }
    for (lower, upper) in zip(sorted, sorted.dropFirst()) where upper.extent.start.value < lower.extent.endValue {
      remarks.append(
        Remark(
          .overlap, "\(lower.owner) and \(upper.owner) share bytes from \(hex(upper.extent.start.value)).",
          rule: Rule("the later header wins, with its zeros", source: "\(XenSource.loader), elf_load_binary")))
      // One is enough: a file may hold thousands.
      return
    }
  }
}
