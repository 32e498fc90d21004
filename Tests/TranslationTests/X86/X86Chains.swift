import Perch
import TestSupport

/// Tables written entry by entry: for each of many combinations of R/W, U/S and XD at every level, one way from the
/// root to one page.
struct X86Chains {
  struct Page {
    var virtual: UInt64
    var physical: UInt64
    var size: UInt64
    /// Where the entries of the way are and what they say, root first; without the PDPT of PAE, which restricts
    /// nothing.
    var entries: [(address: UInt64, value: UInt64)]
  }

  /// R/W, U/S and XD at one level.
  struct Flags: Hashable {
    var isWritable = true
    var isUser = true
    var isNoExecute = false
    /// P is bit 0 (Intel SDM vol. 3A, tables 4-5, 4-6 and 4-15 to 4-20).
    var bits: UInt64 { 1 | (isWritable ? 2 : 0) | (isUser ? 4 : 0) | (isNoExecute ? 1 << 63 : 0) }
  }

  let mode: PagingMode
  private(set) var tables: TranslationTables<PagingFormat, X86FileTables>
  private(set) var pages: [Page] = []
  /// The table whose entries the ways begin with, its level, and the first address that it translates.
  private var branch: (table: UInt64, level: Int, virtual: UInt64)

  private var entrySize: UInt64 { mode == .i386 ? 4 : 8 }
  private func shift(of level: Int) -> UInt64 { 12 + (mode == .i386 ? 10 : 9) * UInt64(level - 1) }

  /// Tables with the probe guest's own window and nothing else.
  init(in stage: inout X86Stage, _ format: PagingFormat) throws {
    mode = format.mode
    var window = AddressSpace(mode: mode)
    try X86Stage.addWindow(to: &window)
    tables = stage.build(window, format)
    let root = tables.root.value
    switch mode {
    case .i386: branch = (root, 2, 0)
    case .pae:
      // Entry 1 of the PDPT.
      let directory = stage.takeFrames(1).value
      stage.store(directory | 1, at: root + 8, size: 8)
      branch = (directory, 2, 1 << 30)
    case .x86_64FourLevel: branch = (root, 4, 0)
    default: branch = (root, 5, 0)
    }
  }

  /// One page for each combination that differs from the permissive one at a single level, and some random ones, for
  /// leaves of all sizes.
  mutating func addCombinations(to stage: inout X86Stage, using generator: inout SeededGenerator) {
    let all = (0..<(mode == .i386 ? 4 : 8)).map { bits in
      Flags(isWritable: bits & 1 == 0, isUser: bits & 2 == 0, isNoExecute: bits & 4 != 0)
    }
    for leaf in 1...min(branch.level, 3) {
      let depth = branch.level - leaf + 1
      for level in 0..<depth {
        for flags in all {
          var way = [Flags](repeating: Flags(), count: depth)
          way[level] = flags
          add(way, to: &stage)
        }
      }
      for _ in 0..<20 { add((0..<depth).map { _ in all.randomElement(using: &generator)! }, to: &stage) }
    }
  }

  /// Adds a page, with tables of its own, whose entries have these flags, root first; the last one is the leaf's.
  mutating func add(_ way: [Flags], to stage: inout X86Stage) {
    let number = UInt64(pages.count)
    let indices = (1 << (shift(of: 2) - 12)) - 1 as UInt64
    let leaf = branch.level - way.count + 1
    let target = X86Stage.marked.start.value + number * 0x1000
    let mask = (1 << shift(of: leaf)) - 1 as UInt64
    var (table, virtual) = (branch.table, branch.virtual)
    var entries: [(address: UInt64, value: UInt64)] = []
    for (depth, flags) in way.enumerated() {
      let level = branch.level - depth
      // Below the branch every table has one entry, where the target's own bits say: a page is as far into its table as
      // its frame is into a larger one.
      let index = depth == 0 ? number + 2 : (target >> shift(of: level)) & indices
      virtual |= index << shift(of: level)
      let place = table + index * entrySize
      if level > leaf { table = stage.takeFrames(1).value }
      // PS, bit 7, in leaves above the lowest level.
      let value = flags.bits | (level > leaf ? table : target & ~mask | (leaf > 1 ? 0x80 : 0))
      stage.store(value, at: place, size: entrySize)
      entries.append((place, value))
    }
    virtual = mode.addressForm.extend(virtual | target & mask, bits: mode.virtualBits)
    pages.append(Page(virtual: virtual, physical: target, size: mask + 1, entries: entries))
  }
}
