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
  mutating func readMemoryMap<Memory: BootMemory>(
    _ map: HypervisorMemoryMap, in memory: Memory
  ) throws(ParseError) {
    guard map.count <= BootEnvironment.memoryEntryLimit else {
      throw ParseError(
        .tooMany, field: "nr_entries", at: map.start.value, found: map.count,
        allowed: .atMost(BootEnvironment.memoryEntryLimit))
    }
    try readEntries(
      "XENMEM_memory_map entry", map.count, at: map.start, byteCount: HypervisorMemoryMap.entryByteCount, in: memory)
  }
}
