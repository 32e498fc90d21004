import Perch
import TestSupport
import Testing

@testable import Machines

/// QEMU's monitor lists Perch's tables as Perch's visit does, page by page and range by range, and translates every
/// boundary alike.
@Suite struct X86MonitorTests {
  @Test(arguments: X86Paging.modes)
  func randomSpaces(mode: PagingMode) throws {
    let monitor = try X86Monitor()
    var generator = SeededGenerator(seed: 61)
    var pageCount = 0
    for number in 0..<5 {
      var paging = X86Paging(mode)
      // i386 has nothing to lose; the others once without NX.
      if number == 4 { paging.noExecute = false }
      var stage = try X86Stage()
      let space = try space(paging, using: &generator)
      let tables = stage.build(space, X86GuestRun.format(paging))
      try monitor.use(stage, tables.root, paging)
      let runs = tables.runs().runs
      let pages = try monitor.pages()
      #expect(x86FirstDifference(pages, MonitorPage.pages(of: runs, mode)) == nil)
      pageCount += pages.count
      // QEMU 7.2 says nothing of five levels.
      if mode != .x86_64FiveLevel {
        #expect(x86FirstDifference(try monitor.ranges(mode), MonitorRange.ranges(of: runs)) == nil)
      }
      try compare(monitor, tables, X86SpaceModel(space), addresses(in: space, runs))
    }
    #expect(pageCount > 2000, "only \(pageCount) pages")
    monitor.end()
  }

  /// Physical addresses up to the processor's width; on i386 some pages of 4 MiB lie above 4 GiB.
  private func space(_ paging: X86Paging, using generator: inout SeededGenerator) throws -> AddressSpace {
    let width = paging.mode == .i386 ? 32 : UInt64(X86GuestRun.physicalBits)
    let recipe = SpaceRecipe(
      mode: paging.mode, mappings: 32,
      physical: PhysicalRange(uncheckedStart: PhysicalAddress(0), count: ByteCount(1 << width)),
      pageSizes: paging.pageSizes(gigabytePages: true))
    // The monitor's answer has a line for each page.
    var space = AddressSpace(mode: paging.mode)
    for intent in recipe.space(using: &generator).mappings
    where isOfFewPages(intent, recipe.pageSizes) { try space.add(intent) }
    guard paging.mode == .i386 else { return space }
    for number in 0..<6 as Range<UInt64> {
      let page = MappingIntent(
        virtual: VirtualRange(uncheckedStart: VirtualAddress(0x2000_0000 + number << 24), count: .mebibytes(8)),
        physical: PhysicalAddress((generator.next() & 0xff_ff80_0000) | 1 << (32 + number)), access: .readWrite,
        largestPage: .size4MiB, name: "high \(number)")
      try? space.add(page)
    }
    return space
  }

  private func isOfFewPages(_ intent: MappingIntent, _ sizes: [PageSize]) -> Bool {
    let offset = intent.virtual.start.value ^ intent.physical.value
    let fitting = sizes.last { $0 <= intent.largestPage && offset & ($0.byteCount.value - 1) == 0 }
    return intent.virtual.count.value / (fitting ?? .size4KiB).byteCount.value < 0x200
  }

  private func addresses(in space: AddressSpace, _ runs: [TranslationRun]) -> [UInt64] {
    let ends = runs.flatMap { run -> [UInt64] in
      let (start, last) = (run.virtual.start.value, run.virtual.start.value + (run.virtual.count.value - 1))
      return [start &- 1, start, last, last &+ 1]
    }
    // Without long mode there are no wider addresses to ask for.
    return Set(ends + space.boundaries(step: 0x1000)).filter { space.mode.virtualBits > 32 || $0 >> 32 == 0 }.sorted()
  }

  private func compare(
    _ monitor: X86Monitor, _ tables: TranslationTables<PagingFormat, X86FileTables>, _ model: X86SpaceModel,
    _ addresses: [UInt64]
  ) throws {
    var differences = X86Differences()
    for address in addresses {
      differences.compare(
        address, intended: model.physical(of: address), judged: try monitor.translate(address),
        perch: tables.resolve(VirtualAddress(unchecked: address)))
    }
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared > 60)
  }

  /// Tables that restrict at their upper levels: the ranges have what all levels grant together, the pages what their
  /// own entries say.
  @Test(arguments: X86Paging.modes)
  func restrictionsAtEveryLevel(mode: PagingMode) throws {
    let monitor = try X86Monitor()
    let paging = X86Paging(mode)
    var stage = try X86Stage()
    var generator = SeededGenerator(seed: 41)
    var chains = try X86Chains(in: &stage, X86GuestRun.format(paging))
    chains.addCombinations(to: &stage, using: &generator)
    try monitor.use(stage, chains.tables.root, paging)
    let runs = chains.tables.runs().runs
    let pages = try monitor.pages()
    #expect(x86FirstDifference(pages.map(\.virtual), MonitorPage.pages(of: runs, mode).map(\.virtual)) == nil)
    let listed = Dictionary(uniqueKeysWithValues: pages.map { ($0.virtual, $0) })
    for page in chains.pages {
      #expect(listed[page.leaf.virtual] == page.leaf)
      #expect(try monitor.translate(page.virtual) == page.physical)
    }
    if mode != .x86_64FiveLevel {
      #expect(x86FirstDifference(try monitor.ranges(mode), MonitorRange.ranges(of: runs)) == nil)
    }
    monitor.end()
  }
}

extension X86Chains.Page {
  /// As the monitor lists it.
  fileprivate var leaf: MonitorPage {
    let entry = entries[entries.count - 1].value
    let flags: [(Character, Bool)] = [
      ("X", entry >> 63 != 0), ("P", size > 0x1000), ("U", entry & 4 != 0), ("W", entry & 2 != 0),
    ]
    return MonitorPage(
      virtual: virtual & ~(size - 1), physical: physical & ~(size - 1), flags: Set(flags.filter(\.1).map(\.0)))
  }
}
