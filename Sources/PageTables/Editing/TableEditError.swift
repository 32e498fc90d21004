public import Addresses

/// Why a change of tables was refused. Nothing was changed then.
public struct TableEditError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// The range is empty, not made of whole pages, or not translated by the mode.
    case badRange
    /// The physical address is no multiple of the smallest page, or entries cannot hold it.
    case badPhysicalAddress
    /// Something is mapped there already.
    case alreadyMapped
    /// Nothing is mapped there.
    case notMapped
    /// A table above takes away what the page is to grant.
    case restricted(Restrictions)
    /// A page that would have to be split holds an address that smaller pages cannot.
    case cannotSplit
    /// The frame source has fewer frames than the change needs.
    case outOfFrames(needed: Int)
    /// A table cannot be followed.
    case badTable(WalkFault.Reason)
    /// More tables than any sound set of them has in this range.
    case tooManyTables
  }

  public let reason: Reason
  /// The first virtual address that it concerns.
  public let virtual: VirtualAddress
  /// The level of the table at which it was found.
  public let level: TableLevel
  /// The physical address of the entry, where one was met.
  public let entryAddress: PhysicalAddress?

  @inlinable
  init(_ reason: Reason, at virtual: VirtualAddress, level: TableLevel, entry: PhysicalAddress? = nil) {
    self.reason = reason
    self.virtual = virtual
    self.level = level
    entryAddress = entry
  }
}
