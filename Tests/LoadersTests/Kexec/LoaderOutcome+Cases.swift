import AddressSpace
import Addresses
import Loaders
import Placement

extension LoaderOutcome {
  var loadedPrediction: LoadPlan? {
    if case .loads(let prediction) = self { prediction } else { nil }
  }
  var statedRefusal: Refusal? {
    if case .refuses(let refusal) = self { refusal } else { nil }
  }
  var statedMisbehaviour: Misbehaviour? {
    if case .misbehaves(let misbehaviour) = self { misbehaviour } else { nil }
  }
}

extension LoadPlan {
  func hasRemark(_ kind: Remark.Kind) -> Bool { remarks.contains { $0.kind == kind } }
  /// Start, bytes from the image and zeros after them, by start. Without what the loader makes itself.
  var placesByStart: [[UInt64]] {
    let given = pieces.filter { if case .blob = $0.source { false } else { true } }
    return given.map { [$0.destination.start.value, $0.destination.count.value, $0.zeroFill.value] }
      .sorted { $0[0] < $1[0] }
  }
  /// Start and whole extent, by start.
  var extentsByStart: [[UInt64]] { placesByStart.map { [$0[0], $0[1] + $0[2]] } }
}

extension LoaderRequest {
  /// A machine with RAM in the given ranges.
  init(ramRanges ram: [Range<UInt64>]) {
    self.init(
      machine: MemoryMap(
        normalising: ram.map {
          .init(
            range: PhysicalRange(
              uncheckedStart: PhysicalAddress($0.lowerBound), count: ByteCount(UInt64($0.count))), kind: .usable)
        }))
  }
}
