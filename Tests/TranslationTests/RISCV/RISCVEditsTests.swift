import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// Tables after random edits, used by a hart. What should be mapped is what a list of pieces says that had the same
/// edits.
@Suite struct RISCVEditsTests {
  @Test(arguments: RISCVPaging.allCases, [false, true])
  func randomEdits(paging: RISCVPaging, hasExtensions: Bool) throws {
    var generator = SeededGenerator(seed: UInt64(paging.rawValue) * 2 + (hasExtensions ? 1 : 0))
    var trials: [HartTrial] = []
    var tables: [PlacedTables] = []
    var (cutSuperpages, cutGroups) = (0, 0)
    for (number, editCount) in [20, 50, 100, 150, 200, 250, 300].enumerated() {
      var session = EditSession(
        HartState(paging: paging, root: 0, hasMemoryTypes: hasExtensions, hasContiguousPages: hasExtensions),
        base: HartRAM.tables + UInt64(number) * EditSession.areaSize)
      for _ in 0..<editCount { session.edit(using: &generator) }
      #expect(session.problems.isEmpty, "\(session.problems.prefix(5))")
      cutSuperpages += session.cutSuperpages
      cutGroups += session.cutGroups
      let addresses = session.addresses(using: &generator)
      trials += [session.state.variants[0], session.state.variants[3]].map {
        HartTrial(
          "after \(editCount) edits", state: $0, near: addresses, memory: session.area, model: session.pieces.byte)
      }
      tables.append(session.area.placed)
    }
    let features = hasExtensions ? ["svpbmt=on", "svnapot=on"] : []
    var judge = HartJudge(trials: trials, tables: tables, features: features)
    let verdict = try judge.judge()
    #expect(verdict.disagreements.isEmpty, "\(verdict.summary)")
    #expect(verdict.reached > 1000 && verdict.faulted > 1000, "\(verdict.reached), \(verdict.faulted)")
    #expect(cutSuperpages > 20 && (cutGroups > 10 || !hasExtensions), "\(cutSuperpages), \(cutGroups)")
  }
}

/// Tables and pieces that get the same edits.
private struct EditSession {
  static let areaSize: UInt64 = 1024 * 4096

  let state: HartState
  let area: TableArea
  private(set) var pieces = MappedPieces()
  private(set) var problems: [String] = []
  /// How many pages, or groups, had to be split.
  private(set) var cutSuperpages = 0
  private(set) var cutGroups = 0
  private var frames: FrameRange
  /// 2 GiB from here and again from the start of the upper half are edited.
  private let lower: UInt64 = 1 << 32
  private let upper: UInt64

  init(_ state: HartState, base: UInt64) {
    var state = state
    state.root = base
    self.state = state
    area = TableArea(base: base, frames: Int(Self.areaSize / 4096))
    let others = PhysicalRange(
      uncheckedStart: PhysicalAddress(base + 4096), count: ByteCount(Self.areaSize - 4096))
    frames = FrameRange(others, frameSize: .kibibytes(4))
    upper = ~0 << UInt64(state.paging.rawValue - 1)
  }

  private var tables: TranslationTables<RISCVFormat, TableArea> {
    TranslationTables(format: state.format, memory: area, root: PhysicalAddress(state.root))
  }

  /// Maps, unmaps or protects a range that is as likely to lie across what is there as beside it.
  mutating func edit(using generator: inout SeededGenerator) {
    let (start, end) = range(using: &generator)
    let virtual = VirtualRange(uncheckedStart: VirtualAddress(start), count: ByteCount(end - start))
    let tables = tables
    switch UInt8.random(in: 0..<5, using: &generator) {
    case 0, 1: map(virtual, start, end, using: &generator)
    case 2:
      countCuts([start, end])
      perform("unmap", virtual, isPossible: true) { frames throws(TableEditError) in
        try tables.unmap(virtual, frames: &frames)
      }
      pieces.unmap(start, end)
    default:
      let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
      let access = accesses.randomElement(using: &generator)!
      let isWhole = pieces.isWhole(start, end)
      if isWhole { countCuts([start, end]) }
      perform("protect", virtual, isPossible: isWhole) { frames throws(TableEditError) in
        try tables.protect(virtual, as: access, frames: &frames)
      }
      if isWhole { pieces.protect(start, end, as: access) }
    }
  }

  /// Counts the pages that edges lie inside of.
  private mutating func countCuts(_ edges: [UInt64]) {
    for edge in edges {
      guard case .mapped(let byte) = tables.resolve(VirtualAddress(edge)),
        edge % byte.pageSize.byteCount.value != 0
      else { continue }
      if byte.attributes.isContiguous { cutGroups += 1 } else { cutSuperpages += 1 }
    }
  }

  private mutating func map(
    _ virtual: VirtualRange, _ start: UInt64, _ end: UInt64, using generator: inout SeededGenerator
  ) {
    // Congruent modulo 1 GiB, or, where that does not take too many tables, moved by a page.
    let isLarge = end - start > 1 << 24
    let shift: UInt64 = !isLarge && UInt8.random(in: 0..<4, using: &generator) == 0 ? 4096 : 0
    let physical = HartRAM.frames.start.value + start % (1 << 31) + shift
    let accesses: [Access] = [.read, .readWrite, .readExecute]
    let kind = PageKind(
      accesses.randomElement(using: &generator)!, cache: Bool.random(using: &generator) ? .writeBack : .uncacheable,
      isUser: Bool.random(using: &generator), isGlobal: Bool.random(using: &generator))
    let largest: [PageSize] = isLarge ? [.size2MiB, .size1GiB, .size1GiB] : [.size4KiB, .size2MiB]
    let limit = largest.randomElement(using: &generator)!
    let (tables, isFree) = (tables, pieces.isFree(start, end))
    perform("map", virtual, isPossible: isFree) { frames throws(TableEditError) in
      try tables.map(virtual, to: PhysicalAddress(physical), as: kind, largest: limit, frames: &frames)
    }
    if isFree { pieces.map(start, end, to: physical, as: kind) }
  }

  /// A range inside the edited ones, from and to multiples of a page size; about every other one
  /// begins in what is mapped.
  private func range(using generator: inout SeededGenerator) -> (UInt64, UInt64) {
    let units: [UInt64] = [1 << 12, 1 << 12, 1 << 16, 1 << 16, 1 << 21, 1 << 30]
    let unit = units.randomElement(using: &generator)!
    let base = Bool.random(using: &generator) ? lower : upper
    // Small ones close to each other, so that they meet, and apart from the large ones.
    let isSmall = unit < 1 << 21
    var start = base + UInt64.random(in: isSmall ? 0..<1 << 22 : 1 << 30..<1 << 31, using: &generator)
    if let piece = pieces.pieces.randomElement(using: &generator), Bool.random(using: &generator) {
      start = UInt64.random(in: piece.start..<piece.end, using: &generator)
    }
    start &= ~(unit - 1)
    let half = start & (1 << 63) == 0 ? lower : upper
    let end = start + unit * UInt64.random(in: 1...(isSmall ? 40 : 3), using: &generator)
    return (start, min(end, half + (1 << 31)))
  }

  private mutating func perform(
    _ name: String, _ virtual: VirtualRange, isPossible: Bool,
    _ body: (inout FrameRange) throws(TableEditError) -> Void
  ) {
    var changed = frames
    do throws(TableEditError) {
      try body(&changed)
      if !isPossible { problems.append("\(name) of \(virtual) should be refused") }
    } catch {
      if isPossible { problems.append("\(name) of \(virtual): \(error)") }
    }
    frames = changed
  }

  /// The edges of the pieces with their neighbours, multiples of page sizes in them, and any places.
  func addresses(using generator: inout SeededGenerator) -> [UInt64] {
    var places: Set<UInt64> = []
    for piece in pieces.pieces.shuffled(using: &generator).prefix(40) {
      places.formUnion([piece.start &- 1, piece.start, piece.end - 1, piece.end])
      for shift in [12, 16, 21, 30] as [UInt64] {
        let next = ((piece.start >> shift) + 1) << shift
        if next < piece.end { places.formUnion([next - 1, next]) }
      }
      places.insert(UInt64.random(in: piece.start..<piece.end, using: &generator))
    }
    for base in [lower, upper] { places.insert(base + UInt64.random(in: 0..<1 << 31, using: &generator)) }
    return places.sorted()
  }
}
