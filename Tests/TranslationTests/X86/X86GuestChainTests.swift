import Perch
import TestSupport
import Testing

@testable import Machines

/// Tables that restrict at their upper levels, or have bits set that are nobody's: the guest meets the rights and the
/// faults that Perch reads from them.
@Suite struct X86GuestChainTests {
  @Test(arguments: X86Paging.modes)
  func restrictionsAtEveryLevel(mode: PagingMode) throws {
    var run = try X86GuestRun()
    var generator = SeededGenerator(seed: 41)
    var chains = try X86Chains(in: &run.stage, X86GuestRun.format(X86Paging(mode)))
    chains.addCombinations(to: &run.stage, using: &generator)
    let targets = Dictionary(uniqueKeysWithValues: chains.pages.map { ($0.virtual, $0.physical) })
    let noExecute = Set(
      chains.pages.filter { page in page.entries.contains { $0.value >> 63 == 1 } }.map(\.virtual))
    for paging in X86Paging.variations(of: mode) {
      let tables = TranslationTables(
        format: X86GuestRun.format(paging), memory: run.stage.memory, root: chains.tables.root)
      // Without NXE bit 63 is reserved.
      run.add(tables, paging, addresses: chains.pages.map(\.virtual)) { address in
        paging.noExecute || !noExecute.contains(address) ? targets[address] : nil
      }
    }
    let differences = try run.run()
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared == chains.pages.count * 6 * X86Paging.variations(of: mode).count)
  }

  /// Every bit of every entry on the way to a page of each size, changed alone. Loads alone: some pages lead far away.
  /// Bits 12 to 27 of a table's address stay as they are, because other tables and the guest are there.
  @Test(arguments: X86Paging.modes)
  func everyBit(mode: PagingMode) throws {
    var run = try X86GuestRun()
    let paging = X86Paging(mode)
    for leaf in 1...(mode == .i386 || mode == .pae ? 2 : 3) {
      let levels = mode == .i386 || mode == .pae ? 2 : mode == .x86_64FourLevel ? 4 : 5
      let way = [X86Chains.Flags](repeating: X86Chains.Flags(), count: levels - leaf + 1)
      for depth in way.indices {
        var chains = try X86Chains(in: &run.stage, X86GuestRun.format(paging))
        for bit in 0..<64 as Range<UInt64> {
          if mode == .i386, bit >= 32 || depth == 0 && bit + 2 >= 64 { continue }
          if depth < way.count - 1, (12..<28).contains(bit) { continue }
          // Without PS the page of 1 GiB at 0 is a table at 0, where the firmware has its vectors.
          if leaf == 3, depth == way.count - 1, bit == 7 { continue }
          chains.add(way, to: &run.stage)
          let entry = chains.pages[chains.pages.count - 1].entries[depth]
          run.stage.store(entry.value ^ 1 << bit, at: entry.address, size: mode == .i386 ? 4 : 8)
        }
        run.add(chains.tables, paging, addresses: chains.pages.map(\.virtual), kinds: [.load])
      }
    }
    let differences = try run.run()
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared > 100)
  }

  /// Addresses that are not canonical, and those beside them (Intel SDM vol. 1, 3.3.7.1).
  @Test(arguments: [PagingMode.x86_64FourLevel, .x86_64FiveLevel])
  func addressesThatAreNotCanonical(mode: PagingMode) throws {
    var run = try X86GuestRun()
    let chains = try X86Chains(in: &run.stage, X86GuestRun.format(X86Paging(mode)))
    let half: UInt64 = 1 << UInt64(mode.virtualBits - 1)
    let addresses = [half - 8, half, 2 * half, 1 << 62, 1 << 63, 0 &- half - 8, 0 &- half]
    run.add(chains.tables, X86Paging(mode), addresses: addresses, kinds: [.load, .store])
    let differences = try run.run()
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared == 28)
  }

  /// PSE-36: 4 MiB pages above 4 GiB, on a machine that has memory there.
  @Test func largePagesAbove4GiB() throws {
    var run = try X86GuestRun()
    let format = X86GuestRun.format(X86Paging(.i386))
    var space = AddressSpace(mode: .i386)
    try X86Stage.addWindow(to: &space)
    let places: [(virtual: UInt64, physical: UInt64)] = [
      (0x4000_0000, 0x1_0000_0000), (0x8040_0000, 0x1_2340_0000), (0xffc0_0000, 0x1_3fc0_0000),
    ]
    for (virtual, physical) in places {
      try space.add(
        MappingIntent(
          virtual: VirtualRange(uncheckedStart: VirtualAddress(virtual), count: .mebibytes(4)),
          physical: PhysicalAddress(physical), access: .readWrite, largestPage: .size4MiB, name: "high"))
    }
    let tables = run.stage.build(space, format)
    run.marked.append(PhysicalRange(uncheckedStart: PhysicalAddress(1 << 32), count: .gibibytes(1)))
    let words = places.flatMap { [($0.virtual, $0.physical), ($0.virtual + 0x3f_fff8, $0.physical + 0x3f_fff8)] }
    let outcomes = Dictionary(uniqueKeysWithValues: words)
    run.add(tables, X86Paging(.i386), addresses: words.map(\.0)) { outcomes[$0] }
    let differences = try run.run(memory: .gibibytes(5))
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared == 36)
  }
}
