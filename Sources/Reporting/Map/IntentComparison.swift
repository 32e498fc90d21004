import AddressSpace
import Addresses
import PageTables

/// A row of a map and whose it is.
struct OwnedStretch {
  var stretch: Stretch
  /// Nil where no intent asked for it.
  var owner: MappingIntent?
}

/// Holds what tables map against the intents that they were built from.
struct IntentComparison {
  private let space: AddressSpace
  private let format: PagingFormat
  /// How much of each intent was found, in the space's order.
  private var foundBytes: [UInt64]
  private(set) var disagreements: [String] = []

  init(_ space: AddressSpace, _ format: PagingFormat) {
    self.space = space
    self.format = format
    foundBytes = space.mappings.map { _ in 0 }
  }

  /// Cuts a stretch where its owner changes, and notes what the owners did not ask for.
  mutating func split(_ stretch: Stretch) -> [OwnedStretch] {
    var parts: [OwnedStretch] = []
    var offset: UInt64 = 0
    while offset < stretch.virtual.count.value {
      let address = VirtualAddress(unchecked: stretch.virtual.start.value &+ offset)
      let index = ownerIndex(of: address)
      let left = stretch.virtual.count.value - offset
      let count = min(left, index.map { room(in: space.mappings[$0], from: address) } ?? gap(from: address))
      let part = stretch.part(from: offset, count: count)
      parts.append(OwnedStretch(stretch: part, owner: index.map { space.mappings[$0] }))
      compare(part, index)
      offset += count
    }
    return parts
  }

  /// Notes what was asked for and not found.
  mutating func finish() {
    for (intent, found) in zip(space.mappings, foundBytes) where found != intent.virtual.count.value {
      disagreements.append(
        "\(intent.name): \(Hex.string(found)) of \(Hex.string(intent.virtual.count.value)) bytes are mapped as asked")
    }
  }

  private func ownerIndex(of address: VirtualAddress) -> Int? {
    let index = firstIndex(above: address) - 1
    return index >= 0 && space.mappings[index].virtual.contains(address) ? index : nil
  }

  /// The first intent that starts above an address.
  private func firstIndex(above address: VirtualAddress) -> Int {
    var (low, high) = (0, space.mappings.count)
    while low < high {
      let middle = (low + high) / 2
      if space.mappings[middle].virtual.start <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func room(in intent: MappingIntent, from address: VirtualAddress) -> UInt64 {
    intent.virtual.count.value - (address.value - intent.virtual.start.value)
  }

  /// Up to the next intent.
  private func gap(from address: VirtualAddress) -> UInt64 {
    let index = firstIndex(above: address)
    return index < space.mappings.count ? space.mappings[index].virtual.start.value - address.value : .max
  }

  private mutating func compare(_ part: Stretch, _ index: Int?) {
    let place = Value.range(part.virtual).text
    guard let index else {
      disagreements.append("\(place) is mapped, and nobody asked for it")
      return
    }
    let intent = space.mappings[index]
    let physical = intent.physical.value &+ (part.virtual.start.value &- intent.virtual.start.value)
    let rights = format.rights(of: intent.kind)
    let type = format.memoryType(of: intent.cache)
    if part.physical.value != physical {
      note(place, intent, "physical", Hex.string(part.physical.value), Hex.string(physical))
    } else if part.rights != rights {
      note(place, intent, "rights", part.rights.description, rights.description)
    } else if part.attributes.memoryType != type {
      note(place, intent, "memory type", "\(part.attributes.memoryType.rawValue)", "\(type.rawValue)")
    } else {
      foundBytes[index] &+= part.virtual.count.value
    }
  }

  private mutating func note(_ place: String, _ intent: MappingIntent, _ what: String, _ found: String, _ asked: String)
  {
    disagreements.append("\(place) (\(intent.name)): \(what) \(found), asked for \(asked)")
  }
}
