public import Addresses

extension TranslationTables {
  /// Translates one address and keeps every entry on the way. Allocates nothing.
  @inlinable public func translate(_ address: VirtualAddress) -> Translation {
    guard format.geometry.covers(address) else {
      return Translation(address: address, outcome: .fault(notCovered(address)))
    }
    var visitor = TranslateVisitor(format: format, address: address)
    follow(format.geometry.linear(address.value), &visitor)
    return visitor.translation
  }

  /// Translates one address without keeping the way.
  @inlinable public func resolve(_ address: VirtualAddress) -> Resolution {
    guard format.geometry.covers(address) else { return .fault(notCovered(address)) }
    var visitor = ResolveVisitor(format: format, address: address)
    follow(format.geometry.linear(address.value), &visitor)
    return visitor.outcome
  }

  @inlinable func notCovered(_ address: VirtualAddress) -> WalkFault {
    WalkFault(
      reason: .notCovered, level: format.geometry.rootLevel, virtual: address, entryAddress: root, value: 0)
  }
}

/// Follows one address and keeps the end.
@usableFromInline struct ResolveVisitor<Format: TableFormat>: TableVisitor {
  @usableFromInline let format: Format
  @usableFromInline let address: VirtualAddress
  @usableFromInline var restrictions: Restrictions = []
  @usableFromInline var outcome: Resolution

  @inlinable init(format: Format, address: VirtualAddress) {
    self.format = format
    self.address = address
    outcome = .fault(
      WalkFault(
        reason: .notPresent, level: format.geometry.rootLevel, virtual: address,
        entryAddress: PhysicalAddress(unchecked: 0), value: 0))
  }

  @inlinable mutating func visit(_ entry: UInt64, _ slot: TableSlot, first: UInt64, last: UInt64) -> WalkStep {
    switch format.decode(entry, at: slot.level) {
    case .table(let next):
      restrictions.formUnion(format.restrictions(of: entry, at: slot.level))
      return .descend(next)
    case .page(let page, let size):
      outcome = .mapped(
        MappedByte(
          physical: PhysicalAddress(unchecked: page.value | (address.value & size.alignment.mask)), pageSize: size,
          rights: format.rights(of: entry, at: slot.level, under: restrictions),
          attributes: format.attributes(of: entry, at: slot.level)))
    case .absent: fail(.notPresent, slot, entry)
    case .reserved(let bits): fail(.reservedBits(bits), slot, entry)
    }
    return .stop
  }

  @inlinable mutating func miss(_ slot: TableSlot) { fail(.outsideMemory, slot, 0) }

  @inlinable mutating func fail(_ reason: WalkFault.Reason, _ slot: TableSlot, _ entry: UInt64) {
    outcome = .fault(
      WalkFault(
        reason: reason, level: slot.level, virtual: address, entryAddress: slot.entryAddress, value: entry))
  }
}

/// Follows one address and keeps the way.
@usableFromInline struct TranslateVisitor<Format: TableFormat>: TableVisitor {
  @usableFromInline var resolver: ResolveVisitor<Format>
  @usableFromInline var translation: Translation

  @inlinable init(format: Format, address: VirtualAddress) {
    resolver = ResolveVisitor(format: format, address: address)
    translation = Translation(address: address, outcome: resolver.outcome)
  }

  @inlinable mutating func visit(_ entry: UInt64, _ slot: TableSlot, first: UInt64, last: UInt64) -> WalkStep {
    let step = resolver.visit(entry, slot, first: first, last: last)
    var taken: Restrictions = []
    if case .descend = step { taken = resolver.format.restrictions(of: entry, at: slot.level) }
    translation.append(
      TranslationStep(level: slot.level, entryAddress: slot.entryAddress, entry: entry, takesAway: taken))
    if case .stop = step { translation.finish(resolver.outcome) }
    return step
  }

  @inlinable mutating func miss(_ slot: TableSlot) {
    resolver.miss(slot)
    translation.finish(resolver.outcome)
  }
}
