import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// Random bytes as tables, in every mode: each walk ends, and asks for nothing but words of memory.
@Suite struct NonsensePropertyTests {
  /// A memory that remembers what it was asked for.
  private final class RecordingMemory: WritableTableMemory {
    var words: [UInt64]
    let base: UInt64
    var loads = 0
    var misses = 0
    var misaligned = 0

    init(base: UInt64, words: [UInt64]) {
      self.base = base
      self.words = words
    }

    private func index(_ address: PhysicalAddress) -> Int? {
      if address.value & 7 != 0 { misaligned += 1 }
      guard address.value >= base, address.value - base < UInt64(words.count) * 8 else { return nil }
      return Int(address.value - base) / 8
    }

    func loadEntry(at address: PhysicalAddress) -> UInt64? {
      loads += 1
      guard let index = index(address) else {
        misses += 1
        return nil
      }
      return words[index]
    }

    func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
      guard let index = index(address) else { return false }
      words[index] = value
      return true
    }
  }

  private static let frames = 3

  /// Words of four kinds: anything, anything in the lower half, an entry that points into the memory, nothing.
  private func draw(_ mode: PagingMode, _ seed: UInt64) -> (
    RecordingMemory, TranslationTables<PagingFormat, RecordingMemory>
  ) {
    var generator = SeededGenerator(seed: seed)
    let format = PagingFormat(mode)
    let frame = format.geometry.frameSize.value
    let base = 16 * frame
    let count = Self.frames * Int(frame) / 8
    let words = (0..<count).map { _ -> UInt64 in
      switch generator.draw(0...7) {
      case 0: return generator.next()
      case 1: return generator.next() & 0xffff_ffff
      case 2, 3:
        let target = PhysicalAddress(base + generator.draw(0...UInt64(Self.frames)) * frame)
        let levels = UInt64(format.geometry.levels)
        let level = TableLevel(rawValue: Int(generator.draw(1...levels)))
        let entry = format.tableEntry(to: target, at: level, user: generator.oneIn(2))
        return mode == .i386 ? entry | entry << 32 : entry
      case 4:
        let target = PhysicalAddress(generator.draw(0...63) * frame)
        return format.pageEntry(to: target, at: .pageTable, as: PageKind(.readWrite))
      default: return 0
      }
    }
    let memory = RecordingMemory(base: base, words: words)
    return (memory, TranslationTables(format: format, memory: memory, root: PhysicalAddress(base)))
  }

  @Test(arguments: PagingMode.all)
  func visitsEnd(mode: PagingMode) {
    for seed in 0..<3 as Range<UInt64> {
      let (memory, tables) = draw(mode, seed)
      var previous: TranslationRun?
      var isAscending = true
      let report = tables.forEachRun(tableLimit: 10) { run in
        if let previous, previous.virtual.last! >= run.virtual.start || previous.continues(run) { isAscending = false }
        previous = run
      }
      let entries = tables.format.geometry.entryCount(of: .pageTable)
      #expect(isAscending, "seed \(seed)")
      #expect(report.summary.visitedTables <= 10, "seed \(seed)")
      #expect(memory.loads <= report.summary.visitedTables * entries, "seed \(seed)")
      #expect(memory.misses <= report.summary.problemCount && memory.misaligned == 0, "seed \(seed)")
      #expect(report.problems.count <= WalkReport.problemLimit, "seed \(seed)")
    }
  }

  @Test(arguments: PagingMode.all)
  func translationsEnd(mode: PagingMode) {
    let (memory, tables) = draw(mode, 100)
    var generator = SeededGenerator(seed: 101)
    let levels = Int(tables.format.geometry.levels)
    for _ in 0..<300 {
      let address = tables.format.geometry.virtual(tables.format.geometry.linear(generator.next()))
      memory.loads = 0
      let translation = tables.translate(address)
      #expect((1...levels).contains(translation.steps.count) && memory.loads <= levels)
      #expect(tables.resolve(address) == translation.outcome)
    }
    #expect(memory.misaligned == 0)
  }

  /// The verbs answer too; a refusal leaves every word as it was.
  @Test(arguments: PagingMode.all)
  func changesEnd(mode: PagingMode) {
    for seed in 200..<209 as Range<UInt64> {
      let (memory, tables) = draw(mode, seed)
      var generator = SeededGenerator(seed: seed)
      let geometry = tables.format.geometry
      let page = geometry.frameSize.value
      let start = geometry.virtual(geometry.linear(generator.next()) / page * page)
      let size = generator.pick([page, 3 * page, mode.pageSizes[1].byteCount.value])
      let target = range(start.value, size)
      let spare = PhysicalRange(uncheckedStart: PhysicalAddress(memory.base), count: ByteCount(0))
      var frames = FrameRange(spare, frameSize: geometry.frameSize)
      let before = memory.words
      do throws(TableEditError) {
        switch seed % 3 {
        case 0:
          try tables.map(target, to: PhysicalAddress(0), as: PageKind(.readWrite), frames: &frames, tableLimit: 50)
        case 1: try tables.unmap(target, frames: &frames, tableLimit: 50)
        default: try tables.protect(target, as: .read, frames: &frames, tableLimit: 50)
        }
      } catch {
        #expect(memory.words == before, "seed \(seed): \(error)")
      }
      #expect(memory.misaligned == 0)
    }
  }
}
