public import Addresses

/// The tables of one address space, in a memory. Nothing in them is trusted: any bytes whatsoever give an answer in
/// bounded time, and nothing outside the memory is read.
///
/// A value is a format, a memory and a root; making one costs nothing.
public struct TranslationTables<Format: TableFormat, Memory: TableMemory> {
  public let format: Format
  public let memory: Memory
  /// The address of the root table: the root register without its flags.
  public let root: PhysicalAddress

  @inlinable public init(format: Format, memory: Memory, root: PhysicalAddress) {
    self.format = format
    self.memory = memory
    self.root = root
  }
}

extension TranslationTables: Sendable where Memory: Sendable {}

/// One entry's place.
public struct TableSlot: Hashable, Sendable {
  public let level: TableLevel
  /// Where the entry lies.
  public let entryAddress: PhysicalAddress
  /// Which entry of its table it is.
  public let index: Int
  /// The translated bits of the first address that it translates.
  @usableFromInline let linear: UInt64

  @inlinable init(level: TableLevel, entryAddress: PhysicalAddress, index: Int, linear: UInt64) {
    self.level = level
    self.entryAddress = entryAddress
    self.index = index
    self.linear = linear
  }
}

extension TableGeometry {
  /// The entry of a table that translates an address.
  @inlinable @inline(__always)
  func slot(in table: PhysicalAddress, at level: TableLevel, of linear: UInt64) -> TableSlot {
    let index = index(linear, at: level)
    let place = table.value &+ UInt64(truncatingIfNeeded: index) << UInt64(entryShift)
    let start = linear & ~((1 << shift(of: level)) &- 1)
    return TableSlot(level: level, entryAddress: PhysicalAddress(unchecked: place), index: index, linear: start)
  }
}

/// What a visitor wants the walk to do after an entry.
@usableFromInline enum WalkStep {
  /// Go on behind this many entries, this one included.
  case next(Int)
  /// Visit the table that the entry points to, then call `leave`, then go on.
  case descend(PhysicalAddress)
  case stop
}

/// What a verb does with the entries that the walk finds.
@usableFromInline protocol TableVisitor {
  associatedtype Failure: Error

  /// - Parameters:
  ///   - first, last: the translated bits of the first and the last address of the slot that the walk is about.
  mutating func visit(_ entry: UInt64, _ slot: TableSlot, first: UInt64, last: UInt64) throws(Failure) -> WalkStep
  /// The table below `slot` was visited.
  mutating func leave(_ slot: TableSlot, _ table: PhysicalAddress) throws(Failure)
  /// There is no memory where the entry would be; the walk leaves this table.
  mutating func miss(_ slot: TableSlot) throws(Failure)
}

extension TableVisitor {
  @inlinable mutating func leave(_ slot: TableSlot, _ table: PhysicalAddress) throws(Failure) {}
}

extension TranslationTables {
  /// The one primitive: hands the entries that translate the addresses from `first` to `last` to a visitor, from the root
  /// down and in ascending order. All verbs are visitors.
  @inlinable func walk<Visitor: TableVisitor>(
    from first: UInt64, through last: UInt64, _ visitor: inout Visitor
  ) throws(Visitor.Failure) {
    _ = try walk(root, at: format.geometry.rootLevel, base: 0, first, last, &visitor)
  }

  /// The same for one address, as a loop.
  @inlinable @inline(__always) func follow<Visitor: TableVisitor>(
    _ linear: UInt64, _ visitor: inout Visitor
  ) throws(Visitor.Failure) {
    let geometry = format.geometry
    var table = root
    var level = geometry.rootLevel
    // There is nothing below the last level, whatever a format says.
    while level >= .pageTable {
      let slot = geometry.slot(in: table, at: level, of: linear)
      guard let entry = memory.load(at: slot.entryAddress, shift: geometry.entryShift) else {
        try visitor.miss(slot)
        return
      }
      guard case .descend(let next) = try visitor.visit(entry, slot, first: linear, last: linear) else { return }
      table = next
      level = level.below
    }
  }

  /// Walks one table; `base` is the first address that it translates. The depth of recursion is the number of levels.
  @inlinable func walk<Visitor: TableVisitor>(
    _ table: PhysicalAddress, at level: TableLevel, base: UInt64, _ first: UInt64, _ last: UInt64,
    _ visitor: inout Visitor
  ) throws(Visitor.Failure) -> Bool {
    guard level >= .pageTable else { return true }
    let geometry = format.geometry
    let shift = geometry.shift(of: level)
    let span = (1 << shift) &- 1 as UInt64
    var index = geometry.index(first, at: level)
    let lastIndex = geometry.index(last, at: level)
    while index <= lastIndex {
      let linear = base | UInt64(truncatingIfNeeded: index) << shift
      let place = table.value &+ UInt64(truncatingIfNeeded: index) << UInt64(geometry.entryShift)
      let slot = TableSlot(
        level: level, entryAddress: PhysicalAddress(unchecked: place), index: index, linear: linear)
      guard let entry = memory.load(at: slot.entryAddress, shift: geometry.entryShift) else {
        try visitor.miss(slot)
        return true
      }
      let low = max(first, linear)
      let high = min(last, linear | span)
      switch try visitor.visit(entry, slot, first: low, last: high) {
      case .next(let count): index &+= count
      case .descend(let next):
        guard try walk(next, at: level.below, base: linear, low, high, &visitor) else { return false }
        try visitor.leave(slot, next)
        index &+= 1
      case .stop: return false
      }
    }
    return true
  }
}
