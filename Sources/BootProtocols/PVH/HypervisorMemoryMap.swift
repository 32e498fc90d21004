import AddressSpace
public import Addresses
import KernelImage

/// A memory map that a hypervisor wrote when it was asked: Xen's answer to XENMEM_memory_map (`public/memory.h`), entries
/// {u64 addr, size; u32 type} of 20 bytes.
public struct HypervisorMemoryMap: Sendable {
  /// Of the first entry.
  public let start: PhysicalAddress
  /// How many there are, in the hypervisor's words.
  public let count: UInt64

  public init(start: PhysicalAddress, count: UInt64) {
    self.start = start
    self.count = count
  }

  static var entryByteCount: UInt64 { 20 }
}

extension PVHStartInfo {
  /// Takes a hypervisor's map where the structure has none.
  mutating func readMemoryMap(_ map: HypervisorMemoryMap, _ memory: some BootMemory) throws(ParseError) {
    guard map.count <= BootEnvironment.memoryEntryLimit else {
      throw ParseError(
        .tooMany, field: "nr_entries", at: map.start.value, found: map.count,
        allowed: .atMost(BootEnvironment.memoryEntryLimit))
    }
    for index in 0..<map.count {
      let place = PhysicalAddress(unchecked: map.start.value &+ index &* HypervisorMemoryMap.entryByteCount)
      let name: Sentence = "XENMEM_memory_map entry \(index)"
      memoryMap.append(
        try MemoryMap.Entry(
          start: try memory.read(UInt64.self, at: 0, in: place, field: name + ": addr"),
          count: try memory.read(UInt64.self, at: 8, in: place, field: name + ": size"),
          kind: try memory.read(UInt32.self, at: 16, in: place, field: name + ": type"),
          fields: (name + ": addr", name + ": size"), at: place.value))
    }
  }
}
