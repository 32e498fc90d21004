import Addresses
import Machines
import Placement

extension LoadPlan {
  /// Bytes that a plan of QEMU's on `pc` writes and does not promise. Those of modules come after the firmware and are
  /// sure.
  ///
  /// - Parameter size: the machine's memory.
  func unspecified(_ size: ByteCount) -> [Range<UInt64>] {
    switch loader {
    // The request to copy, on the option ROM's stack.
    case .qemuMultiboot: leavesOpen("the option ROM's stack") ? [0x6ef8..<0x6f08] : []
    case .qemuPVH: openSegments(size)
    default: []
    }
  }

  private func openSegments(_ size: ByteCount) -> [Range<UInt64>] {
    var open: [Range<UInt64>] = []
    if leavesOpen("the firmware's memory") {
      let top = QEMUMemoryMap.firmwareScratch(size)
      open = [0..<0xa_0000, top.start.value..<top.endValue + 0x2_0000]
    }
    let segments = extents { $0.owner.hasPrefix("segment") }
    var parts = open.flatMap { range in segments.map { $0.clamped(to: range) } }
    // What follows ROM from 1 MiB on.
    if leavesOpen("read-only memory") { parts += segments.filter { $0.lowerBound == 0x10_0000 } }
    let modules = extents { if case .module = $0.source { true } else { false } }
    return parts.flatMap { $0.without(modules) }
  }

  private func leavesOpen(_ words: String) -> Bool {
    remarks.contains { $0.kind == .unspecified && $0.sentence.contains(words) }
  }

  private func extents(where isMeant: (Piece) -> Bool) -> [Range<UInt64>] {
    pieces.filter(isMeant).map { $0.extent.start.value..<$0.extent.endValue }
  }
}

extension Range<UInt64> {
  /// What of a range is in none of the others.
  func without(_ others: [Range<UInt64>]) -> [Range<UInt64>] {
    var gaps: [Range<UInt64>] = []
    var position = lowerBound
    for other in others.sorted(by: { $0.lowerBound < $1.lowerBound }) where other.upperBound > position {
      if other.lowerBound >= upperBound { break }
      if other.lowerBound > position { gaps.append(position..<other.lowerBound) }
      position = other.upperBound
    }
    if position < upperBound { gaps.append(position..<upperBound) }
    return gaps
  }
}
