import AddressSpace
import Addresses
import PageTables
import TestSupport

/// Random changes of tables, and the same of their model.
struct AArch64Changes {
  private(set) var mapped = 0
  private(set) var unmapped = 0
  private(set) var protected = 0

  /// - Parameter frames: where new tables may lie.
  mutating func make(
    _ count: Int, tables: TranslationTables<AArch64Format, SparseMemory>, model: inout IntentModel,
    frames range: PhysicalRange, using generator: inout SeededGenerator
  ) throws {
    var frames = FrameRange(range, frameSize: tables.format.geometry.frameSize)
    let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
    for _ in 0..<count {
      let access = accesses.randomElement(using: &generator)!
      guard let piece = model.pieces.randomElement(using: &generator) else { return }
      var part = Self.part(of: piece, pageSizes: tables.format.paging.pageSizes, using: &generator)
      switch UInt8.random(in: 0..<3, using: &generator) {
      case 0:
        try tables.unmap(part.virtual, frames: &frames)
        model.remove(part.virtual)
        unmapped += 1
      case 1:
        try tables.protect(part.virtual, as: access, frames: &frames)
        model.protect(part.virtual, as: access)
        protected += 1
      default:
        part.access = access
        let isMapped = try map(part, tables: tables, model: &model, frames: &frames, using: &generator)
        mapped += isMapped ? 1 : 0
      }
    }
  }

  /// Maps the physical bytes of a part once more, a page of some size further up or down, where nothing is yet.
  private func map(
    _ part: MappingIntent, tables: TranslationTables<AArch64Format, SparseMemory>, model: inout IntentModel,
    frames: inout FrameRange, using generator: inout SeededGenerator
  ) throws -> Bool {
    guard let intent = Self.moved(part, tables.format, using: &generator), model.isFree(intent.virtual) else {
      return false
    }
    try tables.map(intent.virtual, to: intent.physical, as: intent.kind, largest: intent.largestPage, frames: &frames)
    model.add(intent)
    return true
  }

  /// At most 40 pages of a piece.
  private static func part(of piece: MappingIntent, pageSizes: [PageSize], using generator: inout SeededGenerator)
    -> MappingIntent
  {
    let page = pageSizes[0].byteCount.value
    let pages = piece.virtual.count.value / page
    let first = UInt64.random(in: 0..<pages, using: &generator)
    let count = min(pages - first, UInt64.random(in: 1...40, using: &generator))
    return piece.part(first * page..<(first + count) * page)
  }

  private static func moved(_ part: MappingIntent, _ format: AArch64Format, using generator: inout SeededGenerator)
    -> MappingIntent?
  {
    var moved = part
    let distance = format.paging.pageSizes.randomElement(using: &generator)!.byteCount.value
    let start = part.virtual.start.value
    moved.virtual = VirtualRange(
      uncheckedStart: VirtualAddress(Bool.random(using: &generator) ? start &+ distance : start &- distance),
      count: part.virtual.count)
    guard let last = VirtualRange(start: moved.virtual.start, count: moved.virtual.count)?.last,
      format.mode.covers(moved.virtual.start), format.mode.covers(last)
    else { return nil }
    return moved
  }
}
