public import Addresses

/// What a stretch of physical memory is, numbered as e820 does (ACPI 6.5, 15.1). Unknown numbers survive.
public struct MemoryKind: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var usable: MemoryKind { MemoryKind(rawValue: 1) }
  public static var reserved: MemoryKind { MemoryKind(rawValue: 2) }
  public static var acpiReclaimable: MemoryKind { MemoryKind(rawValue: 3) }
  public static var acpiNonVolatile: MemoryKind { MemoryKind(rawValue: 4) }
  public static var unusable: MemoryKind { MemoryKind(rawValue: 5) }
  public static var persistent: MemoryKind { MemoryKind(rawValue: 7) }
}

/// The machine's physical memory: sorted, without overlaps, without empty entries, neighbours of one kind joined.
public struct MemoryMap: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public let range: PhysicalRange
    public let kind: MemoryKind
    public init(range: PhysicalRange, kind: MemoryKind) {
      self.range = range
      self.kind = kind
    }
  }

  public let entries: [Entry]

  /// Brings a firmware's list into order. Where two entries claim the same byte the more restrictive one wins:
  /// anything beats usable, and among the rest the higher kind number wins.
  public init(normalising raw: [Entry]) {
    var edges: [UInt64] = []
    for entry in raw where !entry.range.isEmpty {
      edges.add(entry.range.start.value)
      edges.add(entry.range.endValue)
    }
    let byEdge = edges.order { $0 }
    let byStart = raw.order { $0.range.start.value }
    var joined: [Entry] = []
    var next = 0
    // Entries that reach beyond `low`, by index.
    var active: [Int] = []
    for position in byEdge.indices.dropLast() {
      let low = edges[byEdge[position]]
      let high = edges[byEdge[position + 1]]
      guard low < high else { continue }
      while next < byStart.count, raw[byStart[next]].range.start.value <= low {
        active.add(byStart[next])
        next += 1
      }
      var remaining: [Int] = []
      var kind: UInt32?
      for index in active where raw[index].range.endValue > low {
        remaining.add(index)
        kind = max(kind ?? 0, raw[index].kind.rawValue)
      }
      active = remaining
      if let kind { Self.append(low, high, MemoryKind(rawValue: kind), to: &joined) }
    }
    entries = joined
  }

  private static func append(_ low: UInt64, _ high: UInt64, _ kind: MemoryKind, to joined: inout [Entry]) {
    var start = low
    if let previous = joined.last, previous.kind == kind, previous.range.endValue == low {
      start = previous.range.start.value
      joined.removeLast()
    }
    let range = PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(high - start))
    joined.add(Entry(range: range, kind: kind))
  }

  /// The ranges that may be written.
  public var usable: [PhysicalRange] {
    var ranges: [PhysicalRange] = []
    for entry in entries where entry.kind == .usable { ranges.add(entry.range) }
    return ranges
  }

  /// The end of the last range that may be written; 0 when there is none.
  public var usableEnd: UInt64 {
    var end: UInt64 = 0
    for entry in entries where entry.kind == .usable { end = entry.range.endValue }
    return end
  }

  /// Whether every byte of `range` is usable memory.
  public func isUsable(_ range: PhysicalRange) -> Bool {
    entries.contains { $0.kind == .usable && $0.range.contains(range) }
  }

  /// The entry that holds an address, if any.
  public func entry(at address: PhysicalAddress) -> Entry? {
    entries.first { $0.range.contains(address) }
  }
}
