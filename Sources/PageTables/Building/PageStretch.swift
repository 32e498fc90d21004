public import AddressSpace
public import Addresses

/// Neighbouring pages of one size, contiguous in both spaces.
public struct PageStretch: Hashable, Sendable {
  public let virtual: VirtualRange
  /// The physical address behind `virtual.start`.
  public let physical: PhysicalAddress
  public let pageSize: PageSize

  /// How many pages it takes.
  public var pageCount: UInt64 { virtual.count.value >> UInt64(pageSize.rawValue) }
}

extension MappingIntent {
  /// The pages that map this intent: at every address the largest that `largestPage`, the alignment of both addresses
  /// and the rest of the range allow. At most five stretches, in ascending order:
  ///
  ///       start       2 MiB boundary     1 GiB boundary     1 GiB boundary     2 MiB boundary     end
  ///         ├── 4 KiB ──┼───── 2 MiB ──────┼───── 1 GiB ──────┼───── 2 MiB ──────┼── 4 KiB ──┤
  ///
  /// A larger size is possible only where virtual and physical address agree modulo that size.
  public var pageStretches: [PageStretch] {
    var stretches: [PageStretch] = []
    appendStretches(from: 0, count: virtual.count.value, largest: largestPage, to: &stretches)
    return stretches
  }

  private func appendStretches(
    from offset: UInt64, count: UInt64, largest size: PageSize, to stretches: inout [PageStretch]
  ) {
    guard count > 0 else { return }
    let start = virtual.start.value &+ offset
    let mask = size.alignment.mask
    guard let smaller = size.nextSmaller else {
      stretches.append(stretch(from: offset, count: count, size: size))
      return
    }
    // Distances instead of end addresses: a range may end at 2⁶⁴.
    let head = (0 &- start) & mask
    let congruent = (start ^ (physical.value &+ offset)) & mask == 0
    guard congruent, head < count, count - head > mask else {
      appendStretches(from: offset, count: count, largest: smaller, to: &stretches)
      return
    }
    let middle = (count - head) & ~mask
    appendStretches(from: offset, count: head, largest: smaller, to: &stretches)
    stretches.append(stretch(from: offset + head, count: middle, size: size))
    appendStretches(from: offset + head + middle, count: count - head - middle, largest: smaller, to: &stretches)
  }

  private func stretch(from offset: UInt64, count: UInt64, size: PageSize) -> PageStretch {
    PageStretch(
      virtual: VirtualRange(
        uncheckedStart: VirtualAddress(unchecked: virtual.start.value &+ offset), count: ByteCount(count)),
      physical: PhysicalAddress(unchecked: physical.value &+ offset), pageSize: size)
  }
}

extension PageSize {
  /// The size one level further down, or nil for the smallest.
  var nextSmaller: PageSize? { PageSize(rawValue: rawValue - 9) }
}
