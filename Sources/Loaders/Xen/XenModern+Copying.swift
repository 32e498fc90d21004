import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenModern {
  /// Copies segments in header order through the domain's page tables (`elf_load_binary`, `elf_load_image`). All
  /// together may take twice the kernel's extent. Where the bytes come from is not checked: "we trust the dom0 kernel".
  mutating func copy(
    _ file: LenientELF, _ bytes: RawSpan, _ arranged: XenArrangement, into prediction: inout LoadPlan
  ) throws(XenStop) {
    var pieces = XenPieces(base: arranged.total.start.value, end: arranged.total.endValue)
    let size = elf.kernelEnd &- elf.kernelStart
    var budget = size &* 2
    let segments = elf.loadable(file, bytes)
    for (index, segment) in segments {
      guard budget >= segment.memorySize else {
        leaveOut(from: index, &prediction)
        break
      }
      budget -= segment.memorySize
      let address = elf.kernelStart &+ segment.physicalAddress &- elf.physicalStart
      elf.say(
        "ELF: phdr \(index) at \(alternateHex(address)) -> \(alternateHex(address &+ segment.fileSize))")
      try check(segment, index, at: address, pieces, bytes)
      pieces.add(segment, index: index, at: address)
    }
    prediction.pieces = pieces.pieces
    remarkOnIgnored(file, bytes, &prediction)
  }

  private func check(
    _ segment: LenientELF.Segment, _ index: UInt64, at address: UInt64, _ mapping: XenPieces, _ bytes: RawSpan
  ) throws(XenStop) {
    let evidence =
      "program header \(index), p_paddr \(hex(segment.physicalAddress)), p_filesz \(hex(segment.fileSize)), p_memsz "
      + "\(hex(segment.memorySize)), p_offset \(hex(segment.offset))"
    // Reading beyond the file comes first: the copy of the bytes is what the clearing follows. Seen: p_offset 1 << 40,
    // of no memory, "Failed to load the kernel binary"; p_offset -0x800, the domain runs what lay before the image.
    if segment.fileSize > 0, mapping.holds(address, segment.fileSize), isOwn(address),
      !bytes.holds(segment.fileSize, at: segment.offset)
    {
      throw .misbehaves(
        Misbehaviour(
          "copies what lies in memory behind the image", evidence: evidence,
          rule: Rule("the source of a copy is not checked", source: "\(XenSource.loader), elf_load_image")))
    }
    // With p_filesz > p_memsz the count of zeros is negative, so enormous.
    guard segment.fileSize <= segment.memorySize,
      segment.memorySize == 0 || mapping.holds(address, segment.memorySize) && isOwn(address)
    else {
      throw .refuse(
        "Failed to load the kernel binary", evidence, "writes fault outside the mapping",
        "\(XenSource.loader), elf_load_image")
    }
  }

  private mutating func leaveOut(from index: UInt64, _ prediction: inout LoadPlan) {
    elf.mark(broken: "program segments total to more than the input image size")
    prediction.remarks.append(
      Remark(
        .segmentIgnored, "Segment \(index) and those after it are left out; the kernel is entered all the same.",
        rule: Rule(
          "the sum of p_memsz is at most twice the kernel's extent", source: "\(XenSource.loader), elf_load_binary")))
  }

  private func remarkOnIgnored(_ file: LenientELF, _ bytes: RawSpan, _ prediction: inout LoadPlan) {
    for index in 0..<(file.programHeaderCount ?? 0) {
      guard let segment = file.segment(index, in: bytes) else { return }
      guard segment.type == 1, segment.flags & 7 == 0, segment.memorySize > 0 else { continue }
      prediction.remarks.append(
        Remark(
          .segmentIgnored, "Segment \(index) is left out: p_flags \(hex(segment.flags)).",
          rule: Rule("PT_LOAD with a bit of R, W, X", source: "\(XenSource.loader), elf_phdr_is_loadable")))
      // One is enough: a file may hold thousands.
      return
    }
  }
}
