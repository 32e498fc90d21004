import Perch
import TestSupport
import Testing

/// Tables that random edits have changed: a guest gets what the edits say, at every boundary.
@Suite struct X86GuestEditTests {
  @Test(arguments: X86Paging.modes)
  func edits(mode: PagingMode) throws {
    var run = try X86GuestRun()
    var generator = SeededGenerator(seed: 51)
    let variations = X86Paging.variations(of: mode)
    for paging in variations + variations + variations {
      var window = AddressSpace(mode: mode)
      try X86Stage.addWindow(to: &window)
      let tables = run.stage.build(window, X86GuestRun.format(paging))
      let count: UInt64 = 64
      var frames = FrameRange(
        PhysicalRange(uncheckedStart: run.stage.takeFrames(count), count: ByteCount(count << 12)),
        frameSize: tables.format.geometry.frameSize)
      let model = try edit(tables, paging, &frames, &generator)
      run.add(tables, paging, addresses: boundaries(of: model, mode)) { address in
        model.physical(of: address)
      } allows: { probe in
        guard let page = model.pages[probe.address / X86EditModel.pageSize] else { return false }
        return paging.allows(probe.kind, byUser: probe.isUser, access: page.access, isUser: page.isUser)
      }
    }
    let differences = try run.run()
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared > 3000)
  }

  /// Edits until a few dozen were done.
  private func edit(
    _ tables: TranslationTables<PagingFormat, X86FileTables>, _ paging: X86Paging, _ frames: inout FrameRange,
    _ generator: inout SeededGenerator
  ) throws -> X86EditModel {
    let recipe = X86EditRecipe(
      places: X86EditRecipe.places(in: paging.mode), physical: X86Stage.marked,
      pageSizes: paging.pageSizes(gigabytePages: false))
    var model = X86EditModel()
    for number in 0..<40 {
      let (edit, range) = recipe.edit(using: &generator)
      let wanted = model.apply(edit, to: range)
      let reason = tables.apply(edit, to: range, frames: &frames)
      #expect(reason == wanted, "edit \(number) of \(range)")
    }
    return model
  }

  /// The last word of every page that differs from the next one, and the first word of that.
  private func boundaries(of model: X86EditModel, _ mode: PagingMode) -> [UInt64] {
    var words: [UInt64] = []
    for (number, page) in model.pages {
      var follower = page
      follower.physical += X86EditModel.pageSize
      let start = number * X86EditModel.pageSize
      if model.pages[number + 1] != follower { words += [start + 0xff8, start &+ 0x1000] }
      if model.pages[number - 1] == nil { words += [start - 8, start] }
    }
    return Set(words).filter { mode.covers(VirtualAddress(unchecked: $0)) }.sorted()
  }
}
