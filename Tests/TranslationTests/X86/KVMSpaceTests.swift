import Perch
import TestSupport
import Testing

@testable import Machines

/// Tables that Perch builds lead KVM's page walker where the intents say, and Perch's own walk leads there too.
@Suite(.enabled(if: KVMJudge.isAvailable, Comment(rawValue: KVMJudge.reason)))
struct KVMSpaceTests {
  /// Together at least a million pairs of an address and a set of tables.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func fourLevels(part: UInt64) throws {
    let judge = try KVMJudge(X86Paging(.x86_64FourLevel))
    let differences = try compare(judge, format: X86_64Format(controls: judge.controls), seed: part, pairs: 250_000)
    #expect(differences.compared >= 250_000)
    #expect(differences.count == 0, "\(differences)")
  }

  @Test(.enabled(if: KVMJudge.modes.contains(.i386), "KVM offers no paging outside of long mode here"))
  func twoLevels() throws {
    let judge = try KVMJudge(X86Paging(.i386))
    let differences = try compare(judge, format: I386Format(controls: judge.controls), seed: 5, pairs: 100_000)
    #expect(differences.count == 0, "\(differences)")
  }

  @Test(.enabled(if: KVMJudge.modes.contains(.pae), "KVM offers no paging outside of long mode here"))
  func physicalAddressExtension() throws {
    let judge = try KVMJudge(X86Paging(.pae))
    let differences = try compare(judge, format: PAEFormat(controls: judge.controls), seed: 6, pairs: 100_000)
    #expect(differences.count == 0, "\(differences)")
  }

  @Test(.enabled(if: KVMJudge.modes.contains(.x86_64FiveLevel), "KVM offers no paging of five levels here"))
  func fiveLevels() throws {
    let judge = try KVMJudge(X86Paging(.x86_64FiveLevel))
    let format = X86_64Format(fiveLevels: true, controls: judge.controls)
    let differences = try compare(judge, format: format, seed: 7, pairs: 100_000)
    #expect(differences.count == 0, "\(differences)")
  }

  private func compare(
    _ judge: KVMJudge, format: some X86Format, seed: UInt64, pairs: Int
  ) throws -> X86Differences {
    var generator = SeededGenerator(seed: seed)
    var differences = X86Differences()
    while differences.compared < pairs {
      try compareOne(judge, format, &generator, &differences)
    }
    return differences
  }

  private func compareOne(
    _ judge: KVMJudge, _ format: some X86Format, _ generator: inout SeededGenerator,
    _ differences: inout X86Differences
  ) throws {
    // i386 reaches more than 32 bits with 4 MiB pages alone.
    let bits = UInt64(format.mode == .i386 ? 32 : min(judge.walker.physicalBits, format.mode.physicalBits))
    let recipe = SpaceRecipe(
      mode: format.mode, mappings: 24,
      physical: PhysicalRange(uncheckedStart: PhysicalAddress(0), count: ByteCount(1 << bits)),
      pageSizes: judge.paging.pageSizes(gigabytePages: judge.walker.supportsGibibytePages))
    let space = recipe.space(using: &generator)
    let image = PageTableImage(building: space, format: format, at: PhysicalAddress(0x10_0000))
    judge.tables.store(image)
    try judge.use(root: image.root)
    let tables = TranslationTables(format: format, memory: judge.tables, root: image.root)
    let model = X86SpaceModel(space)
    let addresses = addresses(in: space, tables.runs().runs, &generator)
    let found = try judge.translate(addresses)
    for (address, judged) in zip(addresses, found) {
      differences.compare(
        address, intended: model.physical(of: address), judged: judged?.value,
        perch: tables.resolve(VirtualAddress(unchecked: address)))
    }
  }

  /// The ends of all runs with their neighbours; the pages of small mappings, the first pages of others; places
  /// anywhere inside and outside. No address comes twice, and all are canonical, which KVM does not judge.
  private func addresses(
    in space: AddressSpace, _ runs: [TranslationRun], _ generator: inout SeededGenerator
  ) -> [UInt64] {
    var places = Set(space.boundaries(step: 0x1000))
    for run in runs {
      let (start, last) = (run.virtual.start.value, run.virtual.start.value + (run.virtual.count.value - 1))
      places.formUnion([start &- 1, start, last, last &+ 1])
    }
    for mapping in space.mappings {
      let (start, count) = (mapping.virtual.start.value, mapping.virtual.count.value)
      for page in 0..<min(count / 0x1000, 64) { places.insert(start + page * 0x1000) }
      for _ in 0..<96 { places.insert(start + generator.next() % count) }
    }
    for _ in 0..<400 { places.insert(space.mode.addressForm.extend(generator.next(), bits: space.mode.virtualBits)) }
    return places.filter { space.mode.covers(VirtualAddress(unchecked: $0)) }
  }
}
