public import Addresses

/// How one address is translated, with every entry on the way.
public struct Translation: Hashable, Sendable {
  public let address: VirtualAddress
  /// The entries that were read, root first.
  public internal(set) var steps = TranslationSteps()
  public internal(set) var outcome: Resolution

  @usableFromInline init(address: VirtualAddress, outcome: Resolution) {
    self.address = address
    self.outcome = outcome
  }

  @usableFromInline mutating func append(_ step: TranslationStep) { steps.append(step) }

  @usableFromInline mutating func finish(_ outcome: Resolution) { self.outcome = outcome }
}

/// One entry that a walk read.
public struct TranslationStep: Hashable, Sendable {
  public let level: TableLevel
  public let entryAddress: PhysicalAddress
  public let entry: UInt64
  /// What it takes away from all below it; nothing for the entry at which the walk ends.
  public let takesAway: Restrictions

  @usableFromInline
  init(level: TableLevel, entryAddress: PhysicalAddress, entry: UInt64, takesAway: Restrictions) {
    self.level = level
    self.entryAddress = entryAddress
    self.entry = entry
    self.takesAway = takesAway
  }
}

/// The entries of a walk: at most one for each level, kept without allocation.
public struct TranslationSteps: RandomAccessCollection, Hashable, Sendable {
  private var storage: InlineArray<5, TranslationStep>
  public private(set) var count = 0

  @usableFromInline init() {
    let nothing = TranslationStep(
      level: .pageTable, entryAddress: PhysicalAddress(unchecked: 0), entry: 0, takesAway: [])
    storage = InlineArray(repeating: nothing)
  }

  @usableFromInline mutating func append(_ step: TranslationStep) {
    guard count < storage.count else { return }
    storage[count] = step
    count += 1
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  public subscript(position: Int) -> TranslationStep {
    precondition(position >= 0 && position < count, "a step of the walk")
    return storage[position]
  }

  public static func == (left: TranslationSteps, right: TranslationSteps) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count where left.storage[index] != right.storage[index] { return false }
    return true
  }

  public func hash(into hasher: inout Hasher) {
    for index in 0..<count { hasher.combine(storage[index]) }
  }
}

/// The end of a walk.
public enum Resolution: Hashable, Sendable {
  case mapped(MappedByte)
  case fault(WalkFault)
}

/// Where a virtual address leads.
public struct MappedByte: Hashable, Sendable {
  /// The physical address of the very byte.
  public let physical: PhysicalAddress
  /// The size of the page that holds it.
  public let pageSize: PageSize
  /// What may be done there; nothing at all where the leaf was never accessed and the processor leaves that to software.
  public let rights: EffectiveRights
  public let attributes: PageAttributes

  public init(
    physical: PhysicalAddress, pageSize: PageSize, rights: EffectiveRights, attributes: PageAttributes
  ) {
    self.physical = physical
    self.pageSize = pageSize
    self.rights = rights
    self.attributes = attributes
  }
}

/// Why a virtual address leads nowhere, or why a table cannot be followed.
public struct WalkFault: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// The bits above the translated ones are not what the mode wants; on x86-64: the address is not canonical.
    case notCovered
    /// The entry says that nothing is mapped.
    case notPresent
    /// The entry has bits set that must be zero, or an encoding that is reserved.
    case reservedBits(UInt64)
    /// The entry's address lies where there is no memory.
    case outsideMemory
    /// The entry points to a table on the way to itself; the level is that of the table that is entered again. It is
    /// followed, as the processor would.
    case recursion(TableLevel)
    /// The visit has entered as many tables as it was allowed; what lies from `virtual` on was not looked at.
    case tableLimit
  }

  public let reason: Reason
  /// The level of the table at which the walk ended.
  public let level: TableLevel
  /// The first virtual address that it concerns.
  public let virtual: VirtualAddress
  /// The physical address of the entry; where there is no memory, of the entry that would be there.
  public let entryAddress: PhysicalAddress
  /// The entry; 0 where none was read.
  public let value: UInt64

  public init(
    reason: Reason, level: TableLevel, virtual: VirtualAddress, entryAddress: PhysicalAddress, value: UInt64
  ) {
    self.reason = reason
    self.level = level
    self.virtual = virtual
    self.entryAddress = entryAddress
    self.value = value
  }
}
