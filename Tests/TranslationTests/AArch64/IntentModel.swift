import AddressSpace
import Addresses
import PageTables

/// What should be mapped, as a list of intents: the naive counterpart of tables and of their changes.
struct IntentModel {
  private(set) var pieces: [MappingIntent]

  init(_ space: AddressSpace) { pieces = space.mappings }

  /// The piece that holds an address.
  func piece(at address: UInt64) -> MappingIntent? { pieces.first { $0.virtual.contains(VirtualAddress(address)) } }

  func physical(_ address: UInt64) -> UInt64? {
    piece(at: address).map { $0.physical.value + (address - $0.virtual.start.value) }
  }

  mutating func add(_ intent: MappingIntent) { pieces.append(intent) }

  mutating func remove(_ range: VirtualRange) { _ = cut(range) }

  mutating func protect(_ range: VirtualRange, as access: Access) {
    for var piece in cut(range) {
      piece.access = access
      pieces.append(piece)
    }
  }

  /// Takes a range out of all pieces and returns what was there.
  private mutating func cut(_ range: VirtualRange) -> [MappingIntent] {
    var inside: [MappingIntent] = []
    pieces = pieces.flatMap { piece -> [MappingIntent] in
      guard let common = piece.virtual.intersection(range) else { return [piece] }
      let start = piece.virtual.start.value
      let before = common.start.value - start
      let through = before + common.count.value
      inside.append(piece.part(before..<through))
      return [piece.part(0..<before), piece.part(through..<piece.virtual.count.value)].filter { !$0.virtual.isEmpty }
    }
    return inside
  }

  /// Whether a range has nothing in it.
  func isFree(_ range: VirtualRange) -> Bool { !pieces.contains { $0.virtual.overlaps(range) } }
}

extension MappingIntent {
  /// The bytes from one offset up to another.
  func part(_ offsets: Range<UInt64>) -> MappingIntent {
    var part = self
    part.virtual = VirtualRange(
      uncheckedStart: VirtualAddress(virtual.start.value &+ offsets.lowerBound),
      count: ByteCount(offsets.upperBound - offsets.lowerBound))
    part.physical = PhysicalAddress(truncating: physical.value + offsets.lowerBound)
    return part
  }

  /// What AArch64 grants: EL1 executes only what is not EL0's; WXN takes execution from what is writable, and PAN keeps
  /// EL1's loads and stores away from EL0's pages (Arm ARM, D8.4).
  func rights(under controls: AArch64Controls) -> EffectiveRights {
    var rights: EffectiveRights = isUser && controls.privilegedAccessNever ? [] : .supervisorRead
    if isUser { rights.insert(.userRead) }
    if access.isWritable {
      if !rights.isDisjoint(with: .supervisorRead) { rights.insert(.supervisorWrite) }
      if isUser { rights.insert(.userWrite) }
    }
    if access.isExecutable, !(access.isWritable && controls.writableIsNeverExecutable) {
      rights.insert(isUser ? .userExecute : .supervisorExecute)
    }
    return rights
  }
}
