import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

extension Decompressor.Unpacking {
  func predict(_ payload: RawSpan) throws(Stop) -> LoadPlan {
    try checkPlace()
    try checkHeader(payload)
    let places = isRandomized ? physicalSlots : Decompressor.Slots<PhysicalAddress>(step: setup.slotAlignment)
    let slides = virtualSlots
    let moves = try moveSegments(payload, isFixed: places.total == 0)
    if isRandomized, slides.total > 1 { try checkRelocations(payload) }
    let entry = output &+ (header.entry ?? 0) &- setup.linkedAddress
    var prediction = LoadPlan(
      loader: .linuxDecompressor, reading: hasTable ? "Linux payload with a relocation table" : "Linux payload",
      machine: request.machine, entry: self.entry(entry, isFixed: places.total == 0))
    prediction.pieces = moves.map { $0.piece }
    addDecisions(places, slides, to: &prediction)
    addRemarks(moves, entry: entry, places, slides, to: &prediction)
    return prediction
  }

  /// What one PT_LOAD segment becomes. Sources and destinations are distances from the buffer's start.
  struct Move {
    var index: UInt64
    var source: UInt64
    var destination: UInt64
    var count: UInt64
    var piece: Piece
  }

  private func moveSegments(_ payload: RawSpan, isFixed: Bool) throws(Stop) -> [Move] {
    var moves: [Move] = []
    for index in 0..<(header.programHeaderCount ?? 0) {
      guard let segment = header.segment(index, stride: 56, in: payload), segment.type == 1 else { continue }
      guard segment.alignment % Decompressor.leastAlignment == 0 else {
        throw Stop(
          "Alignment of LOAD segment isn't multiple of 2MB",
          evidence: "program header \(index), p_align \(hex(segment.alignment))",
          rule: Decompressor.rule("p_align of a PT_LOAD segment is a multiple of 2 MiB"))
      }
      guard segment.fileSize > 0 else { continue }
      let move = try self.move(index, segment)
      try check(move, behind: moves, isFixed: isFixed)
      moves.append(move)
    }
    return moves
  }

  private func move(_ index: UInt64, _ segment: LenientELF.Segment) throws(Stop) -> Move {
    guard segment.offset <= outputSize, segment.fileSize <= outputSize - segment.offset else {
      throw Stop(
        misbehaves: "moves what memory held behind the payload into the image",
        evidence: "program header \(index), p_offset \(hex(segment.offset)), p_filesz \(hex(segment.fileSize))",
        rule: Decompressor.rule("p_offset and p_filesz are not compared with the payload's size"))
    }
    let distance = segment.physicalAddress &- setup.linkedAddress
    // No p_paddr is so high that this leaves the addresses: the window of the virtual place has bounded it.
    let start = PhysicalAddress(truncating: output &+ distance)
    let file = FileRange(
      uncheckedStart: FileOffset(unchecked: segment.offset), count: ByteCount(segment.fileSize))
    let place = PhysicalRange(
      uncheckedStart: start, count: ByteCount(segment.fileSize))
    return Move(
      index: index, source: segment.offset, destination: distance, count: segment.fileSize,
      piece: Piece(source: .image(file), destination: place, owner: "segment \(index)"))
  }

  /// The buffer holds the file and the image: a move may have hit what this one takes, or the code that moves.
  private func check(_ move: Move, behind earlier: [Move], isFixed: Bool) throws(Stop) {
    let inPlace = Decompressor.rule("segments are moved in the order of their headers, inside the payload's own buffer")
    for other in earlier where Self.meet(other.destination, other.count, move.source, move.count) {
      throw Stop(
        misbehaves: "moves bytes that it has overwritten",
        evidence: "program header \(move.index) lies where program header \(other.index) was moved to", rule: inPlace)
    }
    if isRandomized, Self.meet(move.destination, move.count, tableStart, outputSize - tableStart) {
      throw Stop(
        misbehaves: "relocates by a table that it has overwritten",
        evidence: "program header \(move.index) is moved onto the relocation table at \(hex(tableStart))", rule: inPlace
      )
    }
    // The end of the buffer is the decompressor's: its page tables lie last.
    if let size = setup.initSize, size > 0, isFixed, Self.meet(move.destination, move.count, size - 1, 1) {
      throw Stop(
        misbehaves: "overwrites its own page tables",
        evidence: "program header \(move.index) reaches the end of the buffer, init_size \(hex(size))", rule: inPlace)
    }
  }

  /// Whether two ranges share a byte; a range may wrap.
  private static func meet(_ a: UInt64, _ aCount: UInt64, _ b: UInt64, _ bCount: UInt64) -> Bool {
    aCount > 0 && bCount > 0 && (b &- a < aCount || a &- b < bCount)
  }

  private func entry(_ address: UInt64, isFixed: Bool) -> EntryState {
    EntryState(
      mode: .long64, address: address,
      registers: [
        isFixed ? .init("rax", address, "the entry") : .init(unspecified: "rax", "the entry"),
        .init(unspecified: "rsi", "zero page, inside the setup code's data"),
      ])
  }
}
