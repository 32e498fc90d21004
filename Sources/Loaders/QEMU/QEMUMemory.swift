import AddressSpace
import Addresses

/// Where a machine of QEMU's has memory, told from the memory map of its firmware.
struct QEMUMemory {
  /// Where written bytes stay.
  let ranges: [PhysicalRange]
  /// The first byte of memory.
  let base: UInt64
  /// The address after the last byte; on x86, of the memory below 4 GiB.
  let end: UInt64

  /// The machine's `-m`, or on x86 what of it lies below 4 GiB.
  var size: UInt64 { end - base }

  /// `pc`: what the firmware keeps for itself at the top of the memory below 4 GiB is memory too; the hole from
  /// 0xa0000 to 1 MiB belongs to devices and firmware (QEMU 7.2, hw/i386/pc.c, pc_memory_init).
  init(x86 map: MemoryMap) {
    let fourGiB: UInt64 = 1 << 32
    var low: UInt64 = 0
    for entry in map.entries where entry.range.start.value < fourGiB {
      let reaches = entry.range.start.value == low && entry.range.start.value >= 0x10_0000
      if entry.kind == .usable || reaches { low = max(low, min(entry.range.endValue, fourGiB)) }
      if entry.kind != .usable, reaches { break }
    }
    base = 0
    end = low
    var ranges = [Self.range(0, min(low, 0xa_0000))]
    if low > 0x10_0000 { ranges.append(Self.range(0x10_0000, low)) }
    for range in map.usable where range.endValue > fourGiB {
      ranges.append(Self.range(max(range.start.value, fourGiB), range.endValue))
    }
    self.ranges = ranges
  }

  /// `virt`: one range from its base to the last usable byte.
  init(virt map: MemoryMap, base: UInt64) {
    self.base = base
    end = max(base, map.usable.last?.endValue ?? base)
    ranges = [Self.range(base, end)]
  }

  private static func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(end - start))
  }
}
