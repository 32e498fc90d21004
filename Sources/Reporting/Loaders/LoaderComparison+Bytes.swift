extension LoaderComparison {
  /// The ranges of the file that only one loader puts where it does: side by side where both put them somewhere.
  ///
  /// - Parameters: ranges of the file by their distance from memory, as ``FinalMemory/imageRanges``.
  static func bytes(
    _ first: [UInt64: [Range<UInt64>]], _ second: [UInt64: [Range<UInt64>]]
  ) -> [PredictionDifference] {
    var firsts = PlacedRanges(first, without: second)
    var seconds = PlacedRanges(second, without: first)
    var differences: [PredictionDifference] = []
    // Each step takes a whole range, or cuts one where another starts or ends: no more steps than ends of ranges.
    while let start = [firsts.start, seconds.start].compactMap({ $0 }).min() {
      let limits = [firsts, seconds].compactMap { ranges in ranges.start.map { $0 > start ? $0 : ranges.end } }
      let end = limits.min() ?? start
      let a = firsts.start == start ? firsts.take(to: end) : nil
      let b = seconds.start == start ? seconds.take(to: end) : nil
      differences.append(
        .init(field: .bytes, subject: (start..<end).value, first: .optional(a), second: .optional(b)))
    }
    return differences
  }
}

/// Ranges of a file, each with the distance from its place in memory, taken from the lowest up.
private struct PlacedRanges {
  private var ranges: [(range: Range<UInt64>, distance: UInt64)] = []

  init(_ placed: [UInt64: [Range<UInt64>]], without others: [UInt64: [Range<UInt64>]]) {
    for (distance, own) in placed {
      ranges += own.subtracting(others[distance] ?? []).map { ($0, distance) }
    }
    // The lowest is the last, where it is cheap to take.
    ranges.sort { ($0.range.lowerBound, $0.distance) > ($1.range.lowerBound, $1.distance) }
  }

  var start: UInt64? { ranges.last?.range.lowerBound }
  var end: UInt64 { ranges.last?.range.upperBound ?? 0 }

  /// Takes the lowest range up to `end`, and says where in memory it is.
  mutating func take(to end: UInt64) -> Value? {
    guard let (range, distance) = ranges.popLast() else { return nil }
    if end < range.upperBound { ranges.append((end..<range.upperBound, distance)) }
    return .range(start: range.lowerBound &- distance, count: end - range.lowerBound)
  }
}
