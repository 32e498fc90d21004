import Addresses
import Placement

/// Translates through the page tables of a plan as a processor does (Intel SDM vol. 3A, 4.5), independent of Perch's
/// own walker.
struct TableReader {
  struct Page: Equatable {
    var physical: UInt64
    var isWritable: Bool
    var isExecutable: Bool
    var size: UInt64
  }

  let base: UInt64
  let root: UInt64
  let bytes: [UInt8]
  /// CR4.LA57: five levels.
  let hasFiveLevels: Bool

  init(_ plan: LoadPlan) throws {
    base = try plan.piece("page tables").destination.start.value
    root = plan.state.cr3.value
    hasFiveLevels = plan.state.cr4 & 1 << 12 != 0
    bytes = try plan.blob("page tables")
  }

  /// The byte that a virtual address shows, or nil where nothing is mapped.
  func page(at address: UInt64) -> Page? {
    var table = root
    var isWritable = true
    var isExecutable = true
    for shift in (hasFiveLevels ? [48] : []) + [39, 30, 21, 12] as [UInt64] {
      let entry: UInt64 = bytes.word(at: table - base + (address >> shift & 0x1ff) * 8)
      guard entry & 1 == 1 else { return nil }
      isWritable = isWritable && entry & 2 != 0
      isExecutable = isExecutable && entry >> 63 == 0
      let frame = entry & 0x000f_ffff_ffff_f000
      if shift == 12 || entry & 0x80 != 0 {
        let mask = (1 << shift) - 1 as UInt64
        return Page(
          physical: frame & ~mask | address & mask, isWritable: isWritable, isExecutable: isExecutable, size: mask + 1)
      }
      table = frame
    }
    return nil
  }
}
