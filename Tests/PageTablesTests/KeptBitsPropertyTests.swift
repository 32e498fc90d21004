import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// Protecting keeps what it has no business with: software's bits, memory types and keys that Perch never writes.
@Suite struct KeptBitsPropertyTests {
  @Test(arguments: PagingMode.all)
  func protectKeepsWhatOthersPutThere(mode: PagingMode) {
    let draw: (inout SeededGenerator) -> ChangeCase = { .draw(mode, isInside: true, &$0) }
    let found = counterexample(
      seeds: 1100..<1104, from: draw,
      problem: problem { example in
        guard example.touches(all: true) else { return nil }
        let bench = try Workbench(example.table, spare: 8)
        let pages = bench.pages
        // Walks to single pages are slow; the cases with many are not the interesting ones.
        guard pages.count <= 500 else { return nil }
        for page in pages { bench.decorate(page, mode) }
        let leaves = pages.map { bench.leaf($0.virtual) }
        let before = bench.pages
        try bench.tables.protect(example.range, as: example.access, frames: &bench.frames)
        for (page, leaf) in zip(pages, leaves) {
          // The first byte's leaf; of a page that was split, a smaller one.
          let now = bench.leaf(page.virtual)
          let kept = mode.extraBits(large: page.size > mode.smallestPage) & mode.extraBits(large: !now.isLast)
          if now.entry & kept != leaf.entry & kept {
            return "\(page): \(leaf.entry.swiftText) is \(now.entry.swiftText)"
          }
          let format = bench.tables.format
          var (old, new) = (
            format.attributes(of: leaf.entry, at: leaf.level), format.attributes(of: now.entry, at: now.level)
          )
          (old, new) = (old.alone, new.alone)
          if old != new { return "\(page): \(old) is \(new)" }
        }
        let user = example.table.intents.contains { $0.isUser }
        let expected = mode.naiveChange(before, in: example.range) { page in
          var page = page
          page.rights = mode.rights(example.access, isUser: user)
          return page
        }
        return difference(bench.pages, expected)
      })
    if let found { Issue.record("\(found)") }
  }
}

/// Where a leaf stands, and what it says.
struct Leaf {
  var entry: UInt64
  var level: TableLevel
  var place: PhysicalAddress

  var isLast: Bool { level == .pageTable }
}

extension PageAttributes {
  /// Without the group, which may be dissolved.
  var alone: PageAttributes {
    PageAttributes(
      memoryType: memoryType.rawValue, isGlobal: isGlobal, shareability: shareability, protectionKey: protectionKey)
  }
}

extension PagingMode {
  /// Bits that the format lets a leaf have, and that Perch does not write. i386 and x86: PWT 3, G 8, software's 11:9, PAT
  /// 7 or 12; x86-64 also software's 58:52 and the key, 62:59. AArch64: AttrIndx 4, software's 58:55. RISC-V: RSW 9:8,
  /// PBMT 61.
  func extraBits(large: Bool) -> UInt64 {
    switch self {
    case .i386, .pae: 0xf08 | (large ? 1 << 12 : 1 << 7)
    case .x86_64FourLevel, .x86_64FiveLevel: 0x7ff0_0000_0000_0f08 | (large ? 1 << 12 : 1 << 7)
    case .aarch64: 0x0780_0000_0000_0010
    case .riscv: 1 << 61 | 0x300
    }
  }
}

extension Workbench {
  func leaf(_ virtual: UInt64) -> Leaf {
    let step = tables.translate(VirtualAddress(virtual)).steps.last!
    return Leaf(entry: step.entry, level: step.level, place: step.entryAddress)
  }

  /// Sets some extra bits of a page; all pages of a large page's size alike, so that groups stay groups.
  func decorate(_ page: ModelPage, _ mode: PagingMode) {
    let leaf = leaf(page.virtual)
    let block = page.virtual / mode.pageSizes[1].byteCount.value / 64
    var generator = SeededGenerator(seed: block)
    var extra = generator.next() & mode.extraBits(large: !leaf.isLast)
    if case .riscv = mode, leaf.entry >> 61 & 3 != 0 { extra &= ~(1 << 61) }
    let whole = PhysicalAddress(leaf.place.value & ~7)
    let place = mode == .i386 ? leaf.place.value & 4 : 0
    let word = tables.memory.loadEntry(at: whole)!
    _ = tables.memory.storeEntry(word | extra << (8 * place), at: whole)
  }
}
