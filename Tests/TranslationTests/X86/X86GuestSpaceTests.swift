import Perch
import TestSupport
import Testing

/// A guest reads, writes and executes what Perch's tables map, at both privileges and under every combination of WP,
/// SMEP, SMAP and NXE: it gets what the intents say, and the faults that Perch's rights predict.
@Suite struct X86GuestSpaceTests {
  @Test(arguments: X86Paging.modes)
  func randomSpaces(mode: PagingMode) throws {
    var run = try X86GuestRun()
    var generator = SeededGenerator(seed: 31)
    for paging in X86Paging.variations(of: mode) {
      for _ in 0..<4 {
        let recipe = recipe(paging)
        var space = recipe.space(using: &generator)
        try X86Stage.addWindow(to: &space)
        let tables = run.stage.build(space, X86GuestRun.format(paging))
        let model = X86SpaceModel(space)
        run.add(tables, paging, addresses: addresses(in: space)) { address in
          model.physical(of: address)
        } allows: { probe in
          model.allows(probe.kind, byUser: probe.isUser, at: probe.address, under: paging)
        }
      }
    }
    let differences = try run.run()
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared > 10_000)
  }

  private func recipe(_ paging: X86Paging) -> SpaceRecipe {
    var recipe = SpaceRecipe(
      mode: paging.mode, mappings: 12, physical: X86Stage.marked, pageSizes: paging.pageSizes(gigabytePages: false))
    recipe.avoiding = [X86Stage.window]
    return recipe
  }

  /// The words around every boundary outside the guest's own memory, in no particular order.
  private func addresses(in space: AddressSpace) -> [UInt64] {
    Set(space.boundaries(step: 0x1000).map { $0 & ~7 }).filter {
      $0 >= X86Stage.window.count.value && space.mode.covers(VirtualAddress(unchecked: $0))
    }.sorted()
  }
}
