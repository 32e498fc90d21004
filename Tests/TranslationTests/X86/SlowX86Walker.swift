/// Four-level paging read from the Intel SDM, vol. 3A, 4.5, table by table and entry by entry, with nothing of Perch's:
/// to be seen right at a glance, however slow.
struct SlowX86Walker {
  /// A page, with the rights of all levels together.
  struct Page: Equatable {
    var virtual: UInt64
    var physical: UInt64
    var size: UInt64
    var isWritable: Bool
    var isUser: Bool
    var isNoExecute: Bool
    var isGlobal: Bool
    /// PAT, PCD, PWT.
    var memoryType: UInt8
    var protectionKey: UInt8
  }

  /// The 8 bytes at a physical address.
  let read: (UInt64) -> UInt64
  private(set) var pages: [Page] = []
  private(set) var tableCount = 0

  init(read: @escaping (UInt64) -> UInt64) { self.read = read }

  /// - Parameter levels: 4, or 5 where CR4.LA57 is set.
  mutating func walk(cr3: UInt64, levels: Int) {
    walk(table: cr3 & 0x000f_ffff_ffff_f000, level: levels, virtual: 0, writable: true, user: true, noExecute: false)
    // Bit 47 or 56 goes on upwards.
    let sign = UInt64(1) << UInt64(11 + 9 * levels)
    for index in pages.indices where pages[index].virtual & sign != 0 { pages[index].virtual |= ~(sign - 1) }
  }

  private mutating func walk(
    table: UInt64, level: Int, virtual: UInt64, writable: Bool, user: Bool, noExecute: Bool
  ) {
    tableCount += 1
    for index in 0..<512 as Range<UInt64> {
      let entry = read(table + 8 * index)
      if entry & 1 == 0 { continue }
      let size: UInt64 = [0x1000, 0x20_0000, 0x4000_0000, 0x80_0000_0000, 0x1_0000_0000_0000][level - 1]
      let address = virtual + index * size
      let (w, u, x) = (writable && entry & 2 != 0, user && entry & 4 != 0, noExecute || entry >> 63 != 0)
      if level > 1, entry & 0x80 == 0 {
        walk(
          table: entry & 0x000f_ffff_ffff_f000, level: level - 1, virtual: address, writable: w, user: u, noExecute: x)
        continue
      }
      pages.append(
        Page(
          virtual: address, physical: entry & 0x000f_ffff_ffff_f000 & ~(size - 1), size: size, isWritable: w,
          isUser: u, isNoExecute: x, isGlobal: entry & 0x100 != 0, memoryType: Self.memoryType(entry, level),
          protectionKey: UInt8(entry >> 59 & 15)))
    }
  }

  /// PAT is bit 7 of a small page and bit 12 of a large one.
  private static func memoryType(_ entry: UInt64, _ level: Int) -> UInt8 {
    let pat = entry >> (level == 1 ? 7 : 12) & 1
    let pcd = entry >> 4 & 1
    let pwt = entry >> 3 & 1
    return UInt8(pat * 4 + pcd * 2 + pwt)
  }

  /// The pages, joined where they follow each other in both spaces and are alike in everything: each run's first page,
  /// with the run's size, and the size of its pages.
  func runs() -> [(first: Page, pageSize: UInt64)] {
    var runs: [(first: Page, pageSize: UInt64)] = []
    for page in pages {
      if var last = runs.last {
        var continuation = page
        continuation.virtual = last.first.virtual &+ last.first.size
        continuation.physical = last.first.physical + last.first.size
        continuation.isWritable = last.first.isWritable
        continuation.isUser = last.first.isUser
        continuation.isNoExecute = last.first.isNoExecute
        continuation.isGlobal = last.first.isGlobal
        continuation.memoryType = last.first.memoryType
        continuation.protectionKey = last.first.protectionKey
        if continuation == page, page.size == last.pageSize {
          last.first.size += page.size
          runs[runs.count - 1] = last
          continue
        }
      }
      runs.append((page, page.size))
    }
    return runs
  }
}
