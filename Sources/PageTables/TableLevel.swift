public import AddressSpace
public import Addresses

/// A level of the radix tree, counted from the leaves as the Intel SDM counts them (vol. 3A, 4.5): level 1 is the page
/// table whose entries are 4 KiB pages, level 4 is the PML4, level 5 would be the PML5.
public struct TableLevel: RawRepresentable, Comparable, Hashable, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The page table: its entries are 4 KiB pages.
  public static var pageTable: TableLevel { TableLevel(rawValue: 1) }
  /// The page directory: its entries are page tables or 2 MiB pages.
  public static var pageDirectory: TableLevel { TableLevel(rawValue: 2) }
  /// The page-directory-pointer table: its entries are page directories or 1 GiB pages.
  public static var pageDirectoryPointer: TableLevel { TableLevel(rawValue: 3) }
  /// The root of four-level paging.
  public static var pml4: TableLevel { TableLevel(rawValue: 4) }

  public static func < (left: TableLevel, right: TableLevel) -> Bool { left.rawValue < right.rawValue }

  /// The level that this level's entries point to.
  public var below: TableLevel { TableLevel(rawValue: rawValue - 1) }

  /// How many address bits lie below this level's index: 12, 21, 30, 39.
  public var entryShift: UInt64 { 12 &+ 9 &* UInt64(rawValue &- 1) }

  /// How many address bits one whole table of this level resolves.
  public var tableShift: UInt64 { entryShift &+ 9 }

  /// The page that an entry of this level can be, if it can be one.
  public var pageSize: PageSize? { PageSize(rawValue: UInt8(truncatingIfNeeded: entryShift)) }

  /// The level whose entries are pages of this size.
  public init(mapping size: PageSize) {
    rawValue = 1 + (Int(size.rawValue) - 12) / 9
  }
}

extension PagingMode {
  /// The level of the table that the root register points to.
  public var rootLevel: TableLevel {
    switch self {
    case .x86_64FourLevel: .pml4
    }
  }
}

extension VirtualAddress {
  /// Which of a table's 512 entries translates this address (Intel SDM vol. 3A, figure 4-8).
  public func tableIndex(at level: TableLevel) -> Int {
    Int(truncatingIfNeeded: (value >> level.entryShift) & 511)
  }
}

/// The frames that tables are made of.
enum TableFrame {
  static var entryCount: Int { 512 }
  static var byteCount: Int { 4096 }
}
