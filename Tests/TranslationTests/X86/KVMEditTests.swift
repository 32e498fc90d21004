import Perch
import TestSupport
import Testing

@testable import Machines

/// Tables in use, changed by random edits: after each of them KVM's page walker finds what the edits say.
@Suite(.enabled(if: KVMJudge.isAvailable, Comment(rawValue: KVMJudge.reason)))
struct KVMEditTests {
  private static let root = PhysicalAddress(0x10_0000)

  @Test(arguments: KVMJudge.modes)
  func edits(mode: PagingMode) throws {
    let judge = try KVMJudge(X86Paging(mode))
    let tables = TranslationTables(format: judge.format, memory: judge.tables, root: Self.root)
    var frames = FrameRange(
      PhysicalRange(uncheckedStart: PhysicalAddress(0x10_1000), count: .mebibytes(30)),
      frameSize: ByteCount(0x1000))
    let recipe = X86EditRecipe(
      places: X86EditRecipe.places(in: mode),
      physical: PhysicalRange(uncheckedStart: PhysicalAddress(0), count: .gibibytes(2)),
      pageSizes: judge.paging.pageSizes(gigabytePages: false))
    var generator = SeededGenerator(seed: 21)
    var model = X86EditModel()
    var (differences, refusals) = (X86Differences(), 0)
    try judge.use(root: Self.root)
    for number in 0..<400 {
      let (edit, range) = recipe.edit(using: &generator)
      let (wanted, reason) = (model.apply(edit, to: range), tables.apply(edit, to: range, frames: &frames))
      if wanted != nil { refusals += 1 }
      if reason != wanted { differences.note("edit \(number): refused for \(reason as Any), not \(wanted as Any)") }
      if mode == .pae { try judge.use(root: Self.root) }
      try compare(judge, tables, model, around(range, in: recipe.places.map(\.range)), &differences)
    }
    #expect(differences.count == 0, "\(differences)")
    #expect(differences.compared > 20_000)
    #expect(refusals > 20)
  }

  /// The ends of the range and every page boundary that a change could have reached by mistake.
  private func around(_ range: VirtualRange, in places: [VirtualRange]) -> [UInt64] {
    let (start, count) = (range.start.value, range.count.value)
    let step = max(count / 32 & ~0xfff, 0x1000)
    let inside = stride(from: 0, to: count, by: UInt64.Stride(step)).flatMap { [start + $0, start + $0 + 0xfff] }
    let outside = places.flatMap { place in
      stride(from: 0, to: place.count.value, by: 0x20_0000).flatMap {
        [$0, $0 + 0x1f_ffff].map { place.start.value + $0 }
      }
    }
    let ends = [start &- 1, start, start + (count - 1), start &+ count, start &- 0x1000, start &+ count &+ 0xfff]
    return inside + outside + ends.filter { end in places.contains { $0.contains(VirtualAddress(unchecked: end)) } }
  }

  private func compare(
    _ judge: KVMJudge, _ tables: TranslationTables<PagingFormat, X86FileTables>, _ model: X86EditModel,
    _ addresses: [UInt64], _ differences: inout X86Differences
  ) throws {
    let found = try judge.translate(addresses)
    for (address, judged) in zip(addresses, found) {
      differences.compare(
        address, intended: model.physical(of: address), judged: judged?.value,
        perch: tables.resolve(VirtualAddress(unchecked: address)))
    }
  }
}
