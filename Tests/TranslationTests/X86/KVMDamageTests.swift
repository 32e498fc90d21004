import Perch
import TestSupport
import Testing

@testable import Machines

/// Tables that nobody built as they are: Perch and KVM's page walker agree about every address.
@Suite(.enabled(if: KVMJudge.isAvailable, Comment(rawValue: KVMJudge.reason)))
struct KVMDamageTests {
  private static let base: UInt64 = 0x10_0000

  /// Every bit of every entry on the way to a page of each size, changed alone, under every combination of the control
  /// bits.
  @Test(arguments: KVMJudge.variations)
  func everyBit(paging: X86Paging) throws {
    let judge = try KVMJudge(paging)
    try judge.use(root: PhysicalAddress(Self.base))
    let tables = TranslationTables(format: judge.format, memory: judge.tables, root: PhysicalAddress(Self.base))
    // Tables at 1 MiB and above; all entries are entry 1 of their table. The page directory has a page of 2 MiB beside
    // it, the PDPT one of 1 GiB. Bits 0, 1, 2 and 7: P, R/W, U/S, PS.
    let entries: [(address: UInt64, value: UInt64)] = [
      (Self.base + 8, Self.base + 0x1007), (Self.base + 0x1008, Self.base + 0x2007),
      (Self.base + 0x2008, Self.base + 0x3007), (Self.base + 0x3008, 0x1234_5003),
      (Self.base + 0x2010, 0x1260_0087), (Self.base + 0x1010, 0xc000_0083),
    ]
    let places: [UInt64] = [0x80_4020_1000, 0x80_4040_0000, 0x80_8000_0000, 0x80_4020_0000]
    for entry in entries { _ = judge.tables.storeEntry(entry.value, at: PhysicalAddress(entry.address)) }
    var differences = X86Differences()
    for entry in entries {
      for bit in 0..<64 as Range<UInt64> {
        _ = judge.tables.storeEntry(entry.value ^ 1 << bit, at: PhysicalAddress(entry.address))
        try compare(judge, tables, places.flatMap { [$0 - 1, $0, $0 + 0xfff, $0 + 0x1f_ffff] }, &differences)
      }
      _ = judge.tables.storeEntry(entry.value, at: PhysicalAddress(entry.address))
    }
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared == 6 * 64 * 16)
  }

  /// Random bits of random entries, one after the other, until nothing much is left of the tables.
  @Test(arguments: KVMJudge.modes)
  func randomBits(mode: PagingMode) throws {
    var generator = SeededGenerator(seed: 11)
    var differences = X86Differences()
    for round in 0..<48 {
      var paging = X86Paging(mode)
      if round % 4 == 3 { paging.noExecute = false }
      let judge = try KVMJudge(paging)
      try damage(judge, &generator, &differences)
    }
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared > 20_000)
  }

  private func damage(
    _ judge: KVMJudge, _ generator: inout SeededGenerator, _ differences: inout X86Differences
  ) throws {
    let recipe = SpaceRecipe(
      mode: judge.paging.mode, mappings: 12,
      physical: PhysicalRange(uncheckedStart: PhysicalAddress(0), count: .gibibytes(4)),
      pageSizes: judge.paging.pageSizes(gigabytePages: judge.walker.supportsGibibytePages))
    let space = recipe.space(using: &generator)
    let image = PageTableImage(building: space, format: judge.format, at: PhysicalAddress(Self.base))
    judge.tables.store(image)
    let tables = TranslationTables(format: judge.format, memory: judge.tables, root: image.root)
    let used = stride(from: 0, to: UInt64(image.bytes.count), by: 8).filter { offset in
      judge.tables.loadEntry(at: PhysicalAddress(Self.base + offset)) != 0
    }
    let addresses = space.boundaries(step: 0x20_0000).filter { space.mode.covers(VirtualAddress(unchecked: $0)) }
    for _ in 0..<12 {
      // Upper tables come first in the image; half of the damage is to them.
      for number in 0..<8 {
        let few = number % 2 == 0 ? used.prefix(24) : used[...]
        let place = PhysicalAddress(Self.base + few.randomElement(using: &generator)!)
        let entry = judge.tables.loadEntry(at: place)! ^ 1 << (generator.next() % 64)
        _ = judge.tables.storeEntry(entry, at: place)
      }
      try judge.use(root: image.root)
      try compare(judge, tables, addresses, &differences)
    }
  }

  /// KVM reads as the supervisor.
  private func compare(
    _ judge: KVMJudge, _ tables: TranslationTables<PagingFormat, X86FileTables>, _ addresses: [UInt64],
    _ differences: inout X86Differences
  ) throws {
    let found = try judge.translate(addresses)
    for (address, judged) in zip(addresses, found) {
      let outcome = tables.resolve(VirtualAddress(unchecked: address))
      var perch: UInt64?
      if case .mapped(let byte) = outcome, byte.rights.contains(.supervisorRead) { perch = byte.physical.value }
      guard judged?.value != perch else { continue }
      differences.note("\(x86Hexadecimal(address)) KVM \(x86Hexadecimal(judged?.value)), Perch \(outcome)")
    }
    differences.compared += addresses.count
  }
}
