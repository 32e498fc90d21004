import Addresses
public import Placement

/// What a plan says that memory holds at the kernel's entry, byte for byte; also what lies there before the loader runs
/// and is left in place.
public struct ExpectedMemory: Sendable {
  private struct Region {
    let range: PhysicalRange
    let bytes: [UInt8]
  }

  private let pieces: [Piece]
  private let regions: [Region]

  /// Makes the bytes.
  ///
  /// - Throws: ``PlanError`` when a source is shorter than the plan says, or a relocation lies outside the image.
  public init(
    _ plan: LoadPlan, image: RawSpan, modules: borrowing some ModuleSource & ~Copyable
  ) throws(PlanError) {
    var moved = plan
    for index in moved.pieces.indices { moved.pieces[index].isResident = false }
    let others = plan.pieces.map(\.extent).filter { !plan.imageExtent.overlaps($0) && !$0.isEmpty }
    var regions: [Region] = []
    for range in [plan.imageExtent] + others where !range.isEmpty {
      var bytes = [UInt8](repeating: 0, count: Int(range.count.value))
      var elements = bytes.mutableSpan
      // SAFETY: every bit pattern of the array's bytes is a byte.
      var span = unsafe elements.mutableBytes
      try moved.materialise(range, into: &span, image: image, modules: modules)
      regions.append(Region(range: range, bytes: bytes))
    }
    self.regions = regions
    pieces = plan.pieces
  }

  /// Calls `body` with each piece and its bytes, zeros included.
  func forEachPiece(_ body: (Piece, RawSpan) -> Void) {
    for piece in pieces {
      guard let region = regions.first(where: { $0.range.contains(piece.extent) }), !piece.extent.isEmpty else {
        continue
      }
      let offset = Int(piece.extent.start.value - region.range.start.value)
      // SAFETY: every bit pattern of the array's bytes is a byte.
      unsafe body(piece, region.bytes.span.bytes.extracting(offset..<offset + Int(piece.extent.count.value)))
    }
  }
}

extension Verifier {
  /// Compares every piece of a plan with the bytes that it is expected to have.
  public mutating func compareMemory(with expected: ExpectedMemory) {
    expected.forEachPiece { piece, bytes in
      compare(
        bytes, at: piece.extent.start, owner: piece.owner,
        ignoring: piece.owner == "page tables" ? .accessedAndDirty : .none)
    }
  }
}

extension QEMUMachine {
  /// Compares every expected byte, every register of the entry state and every page of the address space, and asks
  /// QEMU's own walker for the ends of every mapping. The guest stands at the plan's entry.
  ///
  /// - Throws: ``MachineError`` when the machine does not answer, or when the plan does not say the whole of the
  ///   processor's state; differences are in the report.
  public func verify(_ plan: LoadPlan, memory expected: ExpectedMemory) throws(MachineError) -> VerificationReport {
    guard let memory else { throw MachineError.notConfigured("readable memory") }
    guard let state = plan.longMode else { throw MachineError.notConfigured("a plan that is entered in 64-bit mode") }
    var verifier = Verifier(memory: memory)
    verifier.compareMemory(with: expected)
    let registers = try registers()
    verifier.compare(registers, with: state)
    verifier.compareTranslations(from: registers.cr3, with: plan.addressSpace)
    try verifier.askWalker(of: self, about: plan.addressSpace)
    return verifier.report
  }
}
