import AddressSpace
import Addresses
import BareMachine
import PageTables

/// A run of pages, and whose it is.
struct OwnedRun {
  var virtual: VirtualRange
  var physical: PhysicalAddress
  var pageSize: PageSize
  var rights: EffectiveRights
  /// Nil where nobody asked for it.
  var owner: MappingIntent?

  /// "0xffffffff80200000-0xffffffff80210000 -> 0x400000 r-x 4 KiB x 16 segment 0".
  var line: Line {
    let pages = virtual.count.value >> UInt64(pageSize.rawValue)
    return "\(Text.range(virtual)) -> \(Text.hexadecimal(physical.value)) \(text: rights.description) "
      + "\(Text.size(pageSize.byteCount.value)) x \(pages) \(ownersName)"
  }

  var ownersName: Line { owner.map { Line(text: $0.name) } ?? "nobody's" }
}

/// What page tables map, held against what was asked for.
struct MapAudit: RunConsumer {
  private let space: AddressSpace
  private let format: X86_64Format
  /// How much of each intent was found as it was asked for.
  private var found: [UInt64]
  private(set) var runs: [OwnedRun] = []
  private(set) var disagreements: [Line] = []

  private init(_ space: AddressSpace, _ format: X86_64Format) {
    self.space = space
    self.format = format
    found = [UInt64](repeating: 0, count: space.mappings.count)
  }

  /// Walks tables from their root.
  static func walk(_ tables: TranslationTables<X86_64Format, DirectMap>, against space: AddressSpace) -> MapAudit {
    var audit = MapAudit(space, tables.format)
    let summary = tables.visit(&audit)
    if !summary.isComplete { audit.disagreements.append("there are too many tables to look at") }
    for (intent, found) in zip(space.mappings, audit.found) where found != intent.virtual.count.value {
      audit.disagreements.append(
        "\(text: intent.name): \(Text.hexadecimal(found)) bytes are mapped, not "
          + Text.hexadecimal(intent.virtual.count.value)
      )
    }
    return audit
  }

  /// Cuts a run where its owner changes.
  mutating func consume(_ run: TranslationRun) {
    var offset: UInt64 = 0
    while offset < run.virtual.count.value {
      let address = VirtualAddress(unchecked: run.virtual.start.value &+ offset)
      let left = run.virtual.count.value - offset
      let owner = space.mapping(at: address)
      let count = min(left, owner.map { $0.virtual.endValue &- address.value } ?? room(from: address))
      let part = OwnedRun(
        virtual: VirtualRange(uncheckedStart: address, count: ByteCount(count)),
        physical: PhysicalAddress(unchecked: run.physical.value &+ offset), pageSize: run.pageSize,
        rights: run.rights, owner: owner)
      compare(part, run.attributes)
      runs.append(part)
      offset += count
    }
  }

  mutating func consume(_ problem: WalkFault) {
    disagreements.append(
      "the entry \(Text.hexadecimal(problem.value)) at \(Text.hexadecimal(problem.entryAddress.value)) is wrong")
  }

  /// Up to the next intent.
  private func room(from address: VirtualAddress) -> UInt64 {
    for intent in space.mappings where intent.virtual.start > address {
      return intent.virtual.start.value - address.value
    }
    return .max
  }

  private mutating func compare(_ part: OwnedRun, _ attributes: PageAttributes) {
    guard let owner = part.owner, let index = space.mappings.firstIndex(where: { $0.virtual == owner.virtual }) else {
      disagreements.append("\(Text.range(part.virtual)) is mapped, and nobody asked for it")
      return
    }
    let physical = owner.physical.value &+ (part.virtual.start.value &- owner.virtual.start.value)
    let isAsAsked =
      part.physical.value == physical && part.rights == format.rights(of: owner.kind)
      && format.policy(of: attributes.memoryType) == owner.cache
    guard isAsAsked else {
      disagreements.append("\(part.line) is not what \(text: owner.name) asked for")
      return
    }
    found[index] += part.virtual.count.value
  }
}
