/// A half-open range of addresses, kept as start and length so that a range may end at the very top of its space.
public struct AddressRange<Position: Address>: Hashable, Sendable {
  public let start: Position
  public let count: ByteCount

  /// Nil when the range would reach beyond the last address of the space.
  public init?(start: Position, count: ByteCount) {
    guard count.value == 0 || count.value - 1 <= Position.greatest - start.value else { return nil }
    self.start = start
    self.count = count
  }

  /// The bytes from `start` up to, not including, `end`; nil when `end` lies below `start`.
  public init?(from start: Position, to end: Position) {
    guard let count = end.distance(from: start) else { return nil }
    self.start = start
    self.count = count
  }

  /// The caller vouches that the range stays inside its space.
  @inlinable public init(uncheckedStart start: Position, count: ByteCount) {
    self.start = start
    self.count = count
  }

  public var isEmpty: Bool { count.value == 0 }

  /// The value after the last byte; 0 when the range ends at 2⁶⁴.
  public var endValue: UInt64 { start.value &+ count.value }

  /// The last byte. An empty range has none.
  public var last: Position? {
    isEmpty ? nil : Position(unchecked: start.value + (count.value - 1))
  }

  public func contains(_ position: Position) -> Bool {
    position.value >= start.value && position.value - start.value < count.value
  }

  /// Whether every byte of `other` lies in this range. An empty `other` lies in any range that touches its start.
  public func contains(_ other: AddressRange) -> Bool {
    guard other.start.value >= start.value else { return false }
    let offset = other.start.value - start.value
    return offset <= count.value && other.count.value <= count.value - offset
  }

  public func overlaps(_ other: AddressRange) -> Bool {
    guard let last, let otherLast = other.last else { return false }
    return start <= otherLast && other.start <= last
  }

  /// The bytes that both ranges hold, or nil when there are none.
  public func intersection(_ other: AddressRange) -> AddressRange? {
    guard overlaps(other), let last, let otherLast = other.last else { return nil }
    let low = max(start, other.start)
    return AddressRange(uncheckedStart: low, count: ByteCount(min(last, otherLast).value - low.value + 1))
  }

  /// The smallest range of whole blocks that holds this one; nil where that leaves the space.
  public func alignedOut(to alignment: Alignment) -> AddressRange? {
    let low = start.alignedDown(to: alignment)
    guard let reach = ByteCount(start.value - low.value).adding(count)?.alignedUp(to: alignment) else { return nil }
    return AddressRange(start: low, count: reach)
  }
}

public typealias PhysicalRange = AddressRange<PhysicalAddress>
public typealias VirtualRange = AddressRange<VirtualAddress>
public typealias LinkRange = AddressRange<LinkAddress>
public typealias FileRange = AddressRange<FileOffset>
