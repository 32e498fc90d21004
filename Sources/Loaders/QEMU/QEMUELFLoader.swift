import Addresses
import BootProtocols
import KernelImage
import Placement

/// The walk over the program headers.
struct QEMUELFLoader {
  let header: LenientELF
  let wantsNote: Bool
  private var segments: [(index: UInt64, header: LenientELF.Segment)] = []
  private var isTooLong = false
  private var noteSteps = 0

  init(header: LenientELF, wantsNote: Bool) {
    self.header = header
    self.wantsNote = wantsNote
  }

  /// As wide as an address of the class.
  private var mask: UInt64 { header.is64 ? .max : 0xffff_ffff }

  /// Keeps PT_LOAD (1) and PT_NOTE (4). The stride is the structure's size, whatever e_phentsize says.
  mutating func readSegments(count: UInt64, in bytes: RawSpan) {
    for index in 0..<count {
      guard let segment = header.segment(index, stride: header.programHeaderSize, in: bytes) else { return }
      guard segment.type == 1 || segment.type == 4 && wantsNote else { continue }
      if UInt64(segments.count) == QEMUELF.segmentLimit {
        isTooLong = true
        return
      }
      segments.append((index, segment))
    }
  }

  mutating func load(_ bytes: RawSpan, into file: inout QEMUELF) {
    let headerEntry = file.entry
    var hang: Misbehaviour?
    for (index, segment) in segments {
      if let ending = missing(segment, index, in: bytes) {
        file.ending = ending
        return
      }
      guard segment.type == 1 else {
        if let crash = readNotes(segment, index, in: bytes, into: &file) {
          file.ending = .misbehaves(crash)
          return
        }
        continue
      }
      place(segment, index, headerEntry: headerEntry, into: &file)
      if segment.fileSize > segment.memorySize, segment.memorySize > 0 { hang = hang ?? overlong(segment, index) }
    }
    finish(&file, hang: hang)
  }

  private func finish(_ file: inout QEMUELF, hang: Misbehaviour?) {
    if let hang { file.ending = .misbehaves(hang) }
    if isTooLong {
      file.ending = .misbehaves(
        Misbehaviour(
          "works for very long", evidence: "more than \(QEMUELF.segmentLimit) segments",
          rule: Rule("each segment is compared with each", source: QEMUELF.source)))
    }
    guard !header.is64 else { return }
    // `(uint64_t)(elf_sword)low`: the bounds of a 32-bit file are extended with their sign.
    file.low = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: file.low)))
    file.high = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: file.high)))
  }

  /// `filesz + offset` wraps at the class's width; what passes by that is read outside the file.
  private func missing(_ segment: LenientELF.Segment, _ index: UInt64, in bytes: RawSpan) -> QEMUELF.Ending? {
    guard segment.fileSize > 0 else { return nil }
    let evidence =
      "program header \(index), p_offset 0x\(String(segment.offset, radix: 16)), "
      + "p_filesz 0x\(String(segment.fileSize, radix: 16)), file size 0x\(String(bytes.byteCount, radix: 16))"
    guard (segment.fileSize &+ segment.offset) & mask <= UInt64(bytes.byteCount) else {
      return .failed(because: evidence)
    }
    guard !bytes.holds(segment.fileSize, at: segment.offset) else { return nil }
    return .misbehaves(
      Misbehaviour(
        "reads memory outside the file", evidence: evidence,
        rule: Rule("the sum of p_offset and p_filesz wraps", source: QEMUELF.source)))
  }

  private func place(
    _ segment: LenientELF.Segment, _ index: UInt64, headerEntry: UInt64, into file: inout QEMUELF
  ) {
    var size = segment.memorySize
    if size > segment.fileSize, let other = claimant(of: segment, index) {
      size = segment.fileSize
      file.remarks.append(
        Remark(
          .notZeroed, "program header \(index): its zeros reach into program header \(other), so none are written",
          rule: Rule("p_memsz becomes p_filesz where the zeros meet another PT_LOAD", source: QEMUELF.source)))
    }
    let offset = (headerEntry &- segment.virtualAddress) & mask
    let end = (segment.virtualAddress &+ segment.fileSize) & mask
    let holdsEntry = headerEntry >= segment.virtualAddress && headerEntry < end
    if holdsEntry { file.isEntryInside = true }
    if holdsEntry, segment.virtualAddress != segment.physicalAddress, segment.flags & 1 != 0 {
      file.entry = (offset &+ segment.physicalAddress) & mask
    }
    let address = segment.physicalAddress
    if size > 0 {
      file.roms.append(
        QEMURom(
          name: "segment \(index)", address: address, size: size,
          contents: .image(start: segment.offset, count: segment.fileSize)))
    }
    file.total &+= size
    file.low = min(file.low, address)
    file.high = max(file.high, address &+ size)
  }

  /// Another segment that the zeros of one reach into.
  private func claimant(of segment: LenientELF.Segment, _ index: UInt64) -> UInt64? {
    let start = (segment.physicalAddress &+ segment.fileSize) & mask
    let end = (segment.physicalAddress &+ segment.memorySize) & mask
    for (other, header) in segments where other != index && header.type == 1 {
      let otherEnd = (header.physicalAddress &+ header.memorySize) & mask
      if !(header.physicalAddress >= end || start >= otherEnd) { return other }
    }
    return nil
  }

  private func overlong(_ segment: LenientELF.Segment, _ index: UInt64) -> Misbehaviour {
    Misbehaviour(
      "hangs, filling memory with zeros",
      evidence: "program header \(index), p_filesz 0x\(String(segment.fileSize, radix: 16)), "
        + "p_memsz 0x\(String(segment.memorySize, radix: 16))",
      rule: Rule("p_memsz minus p_filesz zeros are written", source: "QEMU 7.2, hw/core/loader.c, rom_reset"))
  }

  /// The first note of type 18 from a segment's start, whatever its owner. The size of each note, not its place, is
  /// compared with the segment's, so that the search goes on behind the segment (get_elf_note_type).
  private mutating func readNotes(
    _ segment: LenientELF.Segment, _ index: UInt64, in bytes: RawSpan, into file: inout QEMUELF
  ) -> Misbehaviour? {
    guard segment.fileSize > 0 else { return nil }
    var position = segment.offset
    while noteSteps < QEMUELF.noteLimit {
      noteSteps += 1
      guard let nameSize = bytes.mappedWord(at: position), let size = bytes.mappedWord(at: position + 4),
        let type = bytes.mappedWord(at: position + 8)
      else { break }
      guard segment.alignment > 0 else { return divided(index) }
      let name = padded(nameSize, segment.alignment)
      if type == 18 {
        let place = header.is64 ? position &+ 12 &+ name : position &+ ((12 &+ name) & mask)
        guard let low = bytes.mappedWord(at: place), let high = header.is64 ? bytes.mappedWord(at: place &+ 4) : 0
        else { break }
        file.note = high << 32 | low
        return nil
      }
      let step = (12 &+ name &+ padded(size, segment.alignment)) & mask
      if step > segment.fileSize { return nil }
      position = position &+ step
    }
    return Misbehaviour(
      "reads notes behind the end of the file", evidence: "program header \(index) has no note of type 18",
      rule: Rule("a note's size, not its place, is compared with p_filesz", source: QEMUELF.source))
  }

  private func divided(_ index: UInt64) -> Misbehaviour {
    Misbehaviour(
      "crashes, dividing by zero", evidence: "program header \(index), p_align 0",
      rule: Rule("the parts of notes are padded to p_align", source: QEMUELF.source))
  }

  /// QEMU_ALIGN_UP at the class's width: any divisor.
  private func padded(_ size: UInt64, _ alignment: UInt64) -> UInt64 {
    (((size &+ alignment &- 1) & mask) / alignment &* alignment) & mask
  }
}

extension RawSpan {
  /// A word of the mapped file: zeros follow its last byte up to the end of the page.
  fileprivate func mappedWord(at position: UInt64) -> UInt64? {
    if let value = load(UInt32.self, at: position) { return UInt64(value) }
    let mapped = (UInt64(byteCount) &+ 0xfff) & ~0xfff
    guard position < mapped, mapped - position >= 4 else { return nil }
    var value: UInt64 = 0
    for index in 0..<4 { value |= UInt64(load(UInt8.self, at: position + UInt64(index)) ?? 0) << (8 * index) }
    return value
  }
}
