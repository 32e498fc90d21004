public import Addresses

/// A set of mapping intents that do not contradict each other.
public struct AddressSpace: Sendable {
  public let mode: PagingMode
  /// Sorted by virtual start; no two overlap.
  public private(set) var mappings: [MappingIntent] = []

  public init(mode: PagingMode) { self.mode = mode }

  /// Adds an intent.
  ///
  /// - Throws: ``MappingError`` when the intent is not made of whole pages, is not translated by the mode (not canonical)
  ///   or crosses the canonical hole, has physical addresses that the mode's entries cannot hold, or overlaps an intent
  ///   that is already there.
  @inline(never) public mutating func add(_ intent: MappingIntent) throws(MappingError) {
    if let code = flaw(in: intent) {
      throw MappingError(code: code, name: intent.name, virtual: intent.virtual.start)
    }
    let index = firstIndex(startingAtOrAbove: intent.virtual.start)
    for neighbour in max(0, index - 1)..<min(mappings.count, index + 1)
    where mappings[neighbour].virtual.overlaps(intent.virtual) {
      throw MappingError(
        code: .overlap, name: intent.name, virtual: intent.virtual.start, other: mappings[neighbour].name)
    }
    mappings.insert(intent, at: index)
  }

  /// What is wrong with an intent, whatever else is mapped.
  private func flaw(in intent: borrowing MappingIntent) -> MappingError.Code? {
    guard let last = intent.virtual.last else { return .empty }
    guard isWholePages(intent, mode.smallestPage) else { return .unaligned }
    guard mode.covers(intent.virtual.start), mode.covers(last), intent.virtual.start.value >> 63 == last.value >> 63
    else { return .notCanonical }
    return canReach(intent) ? nil : .physicalOverflow
  }

  private func isWholePages(_ intent: borrowing MappingIntent, _ size: PageSize) -> Bool {
    intent.virtual.start.isAligned(to: size.alignment) && intent.virtual.count.isMultiple(of: size.alignment)
      && intent.physical.isAligned(to: size.alignment)
  }

  /// Whether entries can hold the physical addresses. On i386 only 4 MiB pages reach beyond 4 GiB, so that an intent
  /// that does must be made of them.
  private func canReach(_ intent: borrowing MappingIntent) -> Bool {
    guard let range = PhysicalRange(start: intent.physical, count: intent.virtual.count), let last = range.last,
      last.value <= mode.greatestPhysicalAddress
    else { return false }
    guard case .i386 = mode else { return true }
    return last.value <= UInt32.max
      || intent.largestPage >= .size4MiB && isWholePages(intent, .size4MiB)
  }

  /// The intent that covers an address, if any.
  public func mapping(at address: VirtualAddress) -> MappingIntent? {
    let index = firstIndex(startingAtOrAbove: address)
    if index < mappings.count, mappings[index].virtual.contains(address) { return mappings[index] }
    guard index > 0, mappings[index - 1].virtual.contains(address) else { return nil }
    return mappings[index - 1]
  }

  private func firstIndex(startingAtOrAbove address: VirtualAddress) -> Int {
    var low = 0
    var high = mappings.count
    while low < high {
      let middle = (low + high) / 2
      if mappings[middle].virtual.start < address { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Why an intent cannot join an address space.
public struct MappingError: Error, Equatable, Sendable {
  public enum Code: Sendable { case empty, unaligned, notCanonical, physicalOverflow, overlap }
  public let code: Code
  /// The intent that was refused.
  public let name: String
  public let virtual: VirtualAddress
  /// The intent it collides with.
  public let other: String?

  public init(code: Code, name: String, virtual: VirtualAddress, other: String? = nil) {
    self.code = code
    self.name = name
    self.virtual = virtual
    self.other = other
  }
}
