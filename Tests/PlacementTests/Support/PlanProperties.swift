import AddressSpace
import Addresses
import BootProtocols
import Placement
import Testing

extension LoadPlan {
  /// The state that the stub of a plan for 64-bit mode establishes.
  var state: LongModeState { longMode! }

  /// The piece with this owner.
  func piece(_ owner: String) throws -> Piece { try #require(pieces.first { $0.owner == owner }) }

  /// The bytes that the loader made under this name.
  func blob(_ name: String) throws -> [UInt8] { try #require(blobs.first { $0.name == name }).bytes }

  func decision(_ subject: String) throws -> Decision {
    try #require(decisions.first { $0.subject == subject })
  }

  func mapping(at address: UInt64) throws -> MappingIntent {
    try #require(addressSpace.mapping(at: VirtualAddress(address)))
  }

  /// What must hold for every plan, whatever the kernel: bytes go to usable memory, and nowhere twice.
  func expectSound(_ location: SourceLocation = #_sourceLocation) {
    for piece in pieces where !piece.extent.isEmpty {
      #expect(machine.isUsable(piece.extent), "\(piece.owner) at \(piece.extent)", sourceLocation: location)
      #expect(piece.extent.start.value >= 0x10_0000, "\(piece.owner)", sourceLocation: location)
    }
    for (first, second) in zip(pieces, pieces.dropFirst()) {
      #expect(
        first.extent.endValue <= second.extent.start.value, "\(first.owner), \(second.owner)",
        sourceLocation: location)
    }
    #expect(machine.isUsable(imageExtent), sourceLocation: location)
  }

  /// The image bytes in place, relocated: what memory holds at `imageExtent`.
  func placedImage(_ image: [UInt8]) throws -> [UInt8] {
    var memory = [UInt8](repeating: 0xaa, count: Int(imageExtent.count.value))
    try memory.withMutableRawSpan { (span) throws(PlanError) in
      try image.withRawSpan { (bytes) throws(PlanError) in
        try materialise(imageExtent, into: &span, image: bytes, modules: NoModules())
      }
    }
    return memory
  }
}

/// What distinguishes two plans, byte for byte.
struct PlanFingerprint: Equatable {
  let pieces: [Piece]
  let names: [String]
  let bytes: [[UInt8]]
  let mappings: [MappingIntent]
  let decisions: [Decision]

  init(_ plan: LoadPlan) {
    pieces = plan.pieces
    names = plan.blobs.map(\.name)
    bytes = plan.blobs.map(\.bytes)
    mappings = plan.addressSpace.mappings
    decisions = plan.decisions
  }
}
