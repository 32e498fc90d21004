import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// One range of memory.
func memoryMap(from base: UInt64, mebibytes: UInt64) -> MemoryMap {
  MemoryMap(normalising: [
    .init(range: PhysicalRange(uncheckedStart: PhysicalAddress(base), count: .mebibytes(mebibytes)), kind: .usable)
  ])
}

extension LoaderOutcome {
  var prediction: LoadPlan? { if case .loads(let prediction) = self { prediction } else { nil } }
  var refusal: Refusal? { if case .refuses(let refusal) = self { refusal } else { nil } }
  var misbehaviour: Misbehaviour? { if case .misbehaves(let misbehaviour) = self { misbehaviour } else { nil } }
}

extension LoadPlan {
  func start(of owner: String) -> UInt64? { pieces.first { $0.owner == owner }?.destination.start.value }

  func value(of register: String) -> UInt64? {
    guard case .exactly(let value) = entry.registers.first(where: { $0.name == register })?.value else { return nil }
    return value
  }
}
