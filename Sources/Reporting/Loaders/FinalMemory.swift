import Addresses
import Placement

/// What stands in physical memory once every piece of a prediction is written.
///
///     pieces    ├── segment 0 ──┤├─ zeros ─┤
///                           ├── segment 1 ──┤
///     memory    ├── seg. 0 ─┤├── segment 1 ─┤
struct FinalMemory {
  enum Content: Hashable {
    /// Bytes of the image; the value is their file offset minus their physical address, modulo 2⁶⁴.
    case image(UInt64)
    case module(Int)
    case made
    case zero
  }

  private struct Write {
    var start: UInt64
    var end: UInt64
    var content: Content
  }

  /// Sorted and disjoint.
  private(set) var stretches: [(range: Range<UInt64>, content: Content)] = []

  init(_ pieces: [Piece]) {
    let writes = pieces.flatMap(Self.writes)
    let edges = Set(writes.flatMap { [$0.start, $0.end] }).sorted()
    let places = Dictionary(uniqueKeysWithValues: edges.enumerated().map { ($1, $0) })
    var owners = [Int?](repeating: nil, count: max(0, edges.count - 1))
    // From the last write to the first, each takes the cells that no later one has; `next` leaps over those taken, so
    // that no cell is looked at twice.
    var next = Array(0...owners.count)
    for (index, write) in writes.enumerated().reversed() {
      guard let low = places[write.start], let high = places[write.end] else { continue }
      var cell = Self.firstFree(low, &next)
      while cell < high {
        owners[cell] = index
        next[cell] = cell + 1
        cell = Self.firstFree(cell, &next)
      }
    }
    for (cell, owner) in owners.enumerated() {
      guard let owner else { continue }
      append(edges[cell]..<edges[cell + 1], writes[owner].content)
    }
  }

  /// Neighbours of the same content are one stretch.
  private mutating func append(_ range: Range<UInt64>, _ content: Content) {
    if let last = stretches.last, last.range.upperBound == range.lowerBound, last.content == content {
      stretches[stretches.count - 1].range = last.range.lowerBound..<range.upperBound
    } else {
      stretches.append((range, content))
    }
  }

  private static func firstFree(_ cell: Int, _ next: inout [Int]) -> Int {
    var cell = cell
    while next[cell] != cell {
      next[cell] = next[next[cell]]
      cell = next[cell]
    }
    return cell
  }

  private static func writes(of piece: Piece) -> [Write] {
    let start = piece.destination.start.value
    let middle = end(start, piece.destination.count)
    let content: Content =
      switch piece.source {
      case .image(let range): .image(range.start.value &- start)
      case .module(let index): .module(index)
      case .blob: .made
      case .zero: .zero
      }
    return [
      Write(start: start, end: middle, content: content),
      Write(start: middle, end: end(middle, piece.zeroFill), content: .zero),
    ].filter { $0.start < $0.end }
  }

  /// The last byte of the address space is left out: no memory is there.
  private static func end(_ start: UInt64, _ count: ByteCount) -> UInt64 {
    let (end, overflow) = start.addingReportingOverflow(count.value)
    return overflow ? .max : end
  }
}

extension FinalMemory {
  /// The physical ranges that are zeroed.
  var zeros: [Range<UInt64>] { stretches.filter { $0.content == .zero }.map(\.range) }

  /// The ranges of the file that are in memory, by the distance from their place; those of one distance are disjoint.
  var imageRanges: [UInt64: [Range<UInt64>]] {
    var ranges: [UInt64: [Range<UInt64>]] = [:]
    for (range, content) in stretches {
      guard case .image(let distance) = content else { continue }
      let start = range.lowerBound &+ distance
      let (end, overflow) = start.addingReportingOverflow(range.upperBound - range.lowerBound)
      ranges[distance, default: []].append(start..<(overflow ? .max : end))
    }
    return ranges.mapValues { $0.sorted { $0.lowerBound < $1.lowerBound } }
  }
}

extension [Range<UInt64>] {
  /// What is in these sorted, disjoint ranges and in none of the others, which are so too.
  func subtracting(_ others: [Range<UInt64>]) -> [Range<UInt64>] {
    var rest: [Range<UInt64>] = []
    var next = 0
    for range in self {
      var start = range.lowerBound
      while next < others.count, others[next].upperBound <= start { next += 1 }
      var index = next
      while index < others.count, others[index].lowerBound < range.upperBound {
        if others[index].lowerBound > start { rest.append(start..<others[index].lowerBound) }
        start = Swift.max(start, others[index].upperBound)
        index += 1
      }
      if start < range.upperBound { rest.append(start..<range.upperBound) }
      next = Swift.max(next, index - 1)
    }
    return rest
  }
}
