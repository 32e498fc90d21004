/// A level of the radix tree, counted from the leaves, as the Intel SDM and the RISC-V specification count and unlike
/// Arm: level 1 is the last one, whose entries are the smallest pages. Arm's lookup level is 4 minus this.
public struct TableLevel: RawRepresentable, Comparable, Hashable, Sendable {
  public let rawValue: Int
  @inlinable public init(rawValue: Int) { self.rawValue = rawValue }

  /// x86: the page table, whose entries are 4 KiB pages.
  @inlinable public static var pageTable: TableLevel { TableLevel(rawValue: 1) }
  /// x86: the page directory, whose entries are page tables or 2 MiB pages (4 MiB on i386).
  @inlinable public static var pageDirectory: TableLevel { TableLevel(rawValue: 2) }
  /// x86: the page-directory-pointer table, whose entries are page directories or 1 GiB pages.
  @inlinable public static var pageDirectoryPointer: TableLevel { TableLevel(rawValue: 3) }
  /// x86: the root of four-level paging.
  @inlinable public static var pml4: TableLevel { TableLevel(rawValue: 4) }
  /// x86: the root of five-level paging.
  @inlinable public static var pml5: TableLevel { TableLevel(rawValue: 5) }

  /// No mode has more levels.
  @inlinable public static var most: Int { 5 }

  @inlinable public static func < (left: TableLevel, right: TableLevel) -> Bool { left.rawValue < right.rawValue }

  /// The level that this level's entries point to.
  @inlinable public var below: TableLevel { TableLevel(rawValue: rawValue &- 1) }
  /// The level whose entries point to this one.
  @inlinable public var above: TableLevel { TableLevel(rawValue: rawValue &+ 1) }
}
