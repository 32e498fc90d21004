import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenDomUBuilder {
  /// Clears the kernel's pages and copies segments into them in header order; what would read or write elsewhere is
  /// left out, and the image called broken (`elf_load_image`, outside the hypervisor).
  mutating func copy(
    _ bytes: RawSpan, _ kernel: XenDomUSegment, into prediction: inout LoadPlan
  ) throws(XenStop) {
    let room = kernel.pages << 12
    let base = kernel.frame << 12
    prediction.pieces.append(
      Piece(
        source: .zero,
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: base), count: .zero),
        zeroFill: ByteCount(room), owner: "kernel, cleared"))
    // All together may take twice the room.
    var budget = room &* 2
    for (index, segment) in elf.loadable(file, bytes) {
      guard budget >= segment.memorySize else {
        leaveOut(
          "segment \(index) and those after it", "program segments total to more than the input image size", &prediction
        )
        break
      }
      budget -= segment.memorySize
      place(segment, index, in: room, from: base, bytes, &prediction)
    }
    guard let symbols = elf.symbols, symbols.start != 0 else { return }
    guard bytes.holds(symbols.table.size, at: symbols.table.offset),
      bytes.holds(symbols.names.size, at: symbols.names.offset)
    else {
      elf.mark(broken: "out of range access")
      return
    }
    prediction.add(symbols, at: base &+ symbols.start &- elf.physicalStart, is64: memory.is64, in: bytes)
  }

  private mutating func place(
    _ segment: LenientELF.Segment, _ index: UInt64, in room: UInt64, from base: UInt64, _ bytes: RawSpan,
    _ prediction: inout LoadPlan
  ) {
    func fits(_ place: UInt64, _ count: UInt64) -> Bool { place <= room && count <= room - place }
    let place = segment.physicalAddress &- elf.physicalStart
    var copied: UInt64 = 0
    if fits(place, segment.fileSize), bytes.holds(segment.fileSize, at: segment.offset) {
      copied = segment.fileSize
    } else {
      leaveOut("the bytes of segment \(index)", "out of range access", &prediction)
    }
    let zeros = segment.memorySize &- segment.fileSize
    let start = place &+ segment.fileSize
    let clears = fits(start, zeros)
    if !clears { leaveOut("the zeros of segment \(index)", "out of range access", &prediction) }
    add(
      copied > 0 ? segment.offset : nil, copied, zeros: clears ? zeros : 0,
      at: base &+ (copied > 0 ? place : start), "segment \(index)", &prediction)
  }

  private func add(
    _ offset: UInt64?, _ count: UInt64, zeros: UInt64, at place: UInt64, _ owner: String,
    _ prediction: inout LoadPlan
  ) {
    guard count > 0 || zeros > 0 else { return }
    let source: Piece.Source
    if let offset {
      source = .image(FileRange(uncheckedStart: FileOffset(unchecked: offset), count: ByteCount(count)))
    } else {
      source = .zero
    }
    prediction.pieces.append(
      Piece(
        source: source,
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: place), count: ByteCount(count)),
        zeroFill: ByteCount(zeros), owner: owner))
  }

  private mutating func leaveOut(_ what: String, _ reason: String, _ prediction: inout LoadPlan) {
    elf.mark(broken: reason)
    // One is enough: a file may hold thousands.
    guard !prediction.remarks.contains(where: { $0.kind == .segmentIgnored }) else { return }
    prediction.remarks.append(
      Remark(
        .segmentIgnored, "Left out: \(what); the kernel is entered all the same.",
        rule: Rule("a broken image is reported, not refused", source: "\(XenSource.loader), elf_load_binary")))
  }
}
