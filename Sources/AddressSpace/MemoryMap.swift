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
      edges.append(entry.range.start.value)
      edges.append(entry.range.endValue)
    }
    edges = edges.ordered { $0 }
    let byStart = raw.ordered { $0.range.start.value }
    var joined: [Entry] = []
    var next = 0
    var active: [Entry] = []
    for (low, high) in zip(edges, edges.dropFirst()) where low < high {
      while next < byStart.count, byStart[next].range.start.value <= low {
        active.append(byStart[next])
        next += 1
      }
      active.removeAll { $0.range.endValue <= low }
      guard let kind = active.map({ $0.kind.rawValue }).max() else { continue }
      let merged = MemoryKind(rawValue: kind)
      if let previous = joined.last, previous.kind == merged, previous.range.endValue == low {
        joined[joined.count - 1] = Entry(
          range: PhysicalRange(
            uncheckedStart: previous.range.start, count: ByteCount(high - previous.range.start.value)), kind: merged)
      } else {
        joined.append(
          Entry(
            range: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: low), count: ByteCount(high - low)),
            kind: merged))
      }
    }
    entries = joined
  }

  /// The ranges that may be written.
  public var usable: [PhysicalRange] { entries.filter { $0.kind == .usable }.map { $0.range } }

  /// Whether every byte of `range` is usable memory.
  public func isUsable(_ range: PhysicalRange) -> Bool {
    entries.contains { $0.kind == .usable && $0.range.contains(range) }
  }

  /// The entry that holds an address, if any.
  public func entry(at address: PhysicalAddress) -> Entry? {
    entries.first { $0.range.contains(address) }
  }
}
