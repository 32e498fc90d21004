public import Addresses

extension GuestMemory {
  /// Where a machine of QEMU's has its memory among its physical addresses.
  public enum Layout: Hashable, Sendable {
    /// x86 `pc`: from 0, and from 4 GiB what does not fit below (QEMU, hw/i386/pc_piix.c, pc_init1).
    case pc
    /// AArch64 `virt`: from 1 GiB (QEMU, hw/arm/virt.c, base_memmap, VIRT_MEM).
    case virtAArch64
    /// RISC-V `virt`: from 2 GiB (QEMU, hw/riscv/virt.c, virt_memmap, VIRT_DRAM).
    case virtRISCV

    /// The first byte of memory.
    public var base: PhysicalAddress {
      switch self {
      case .pc: PhysicalAddress(unchecked: 0)
      case .virtAArch64: PhysicalAddress(unchecked: 0x4000_0000)
      case .virtRISCV: PhysicalAddress(unchecked: 0x8000_0000)
      }
    }

    /// The banks of a machine with `size` bytes; the second is empty where one is all.
    func banks(_ size: ByteCount) -> (Bank, Bank) {
      let low = self == .pc ? QEMUMemoryMap.low(size) : size.value
      return (
        Bank(start: base.value, count: low, fileStart: 0),
        Bank(start: QEMUMemoryMap.fourGiB, count: size.value - low, fileStart: low)
      )
    }
  }

  /// Memory that is contiguous among the physical addresses and in the file.
  struct Bank {
    let start: UInt64
    let count: UInt64
    let fileStart: UInt64

    /// Where `needed` bytes (at least one) from an address lie in the file; nil where not all of them are in the bank.
    func fileOffset(of address: PhysicalAddress, count needed: UInt64) -> Int? {
      // Below the start this wraps around, to more than any bank has.
      let offset = address.value &- start
      guard offset < count, needed <= count - offset else { return nil }
      return Int(fileStart + offset)
    }
  }
}
