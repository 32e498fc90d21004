public import AddressSpace
public import Addresses

/// The memory map that SeaBIOS reports on QEMU's `pc` machine, without asking it.
///
///     0          0x9fc00  0xf0000  1 MiB              low            0xfeffc000   4 GiB           4 GiB + size - low
///     ├─ usable ─┼─ EBDA ─┼─ BIOS ─┼─ usable ─┬ ACPI ─┼─ devices ────┼─ KVM, BIOS ─┼─ usable ─────┤
///                                             └ 128 KiB below low
///
/// `low` is the whole memory where that is less than 0xe0000000, and 0xc0000000 otherwise (QEMU, hw/i386/pc_piix.c,
/// pc_init1, which keeps the boundary on a GiB).
public enum QEMUMemoryMap {
  /// The least memory: the firmware and a small guest were seen to start with it.
  public static let leastSize = ByteCount.mebibytes(2)
  /// The most memory: above it QEMU moves memory around the AMD HyperTransport hole below 1 TiB.
  public static let greatestSize = ByteCount.gibibytes(1000)

  static let fourGiB: UInt64 = 1 << 32

  /// What SeaBIOS writes to between loading a kernel and entering it: it runs its relocated code, and keeps tables, at the top
  /// of memory below 4 GiB. Seen with SeaBIOS 1.16 on 512 MiB: foreign bytes in the topmost 16.1 MiB. A small machine gives up
  /// a quarter at most.
  public static func firmwareScratch(_ size: ByteCount) -> PhysicalRange {
    let top = low(size) - 0x2_0000
    let count = min(20 << 20, low(size) / 4)
    return PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: top - count), count: ByteCount(count))
  }

  /// How much of the memory lies below 4 GiB.
  static func low(_ size: ByteCount) -> UInt64 {
    size.value < 0xe000_0000 ? size.value : 0xc000_0000
  }

  /// The map of a machine with `size` bytes of memory. Without an accelerator it serves every one: the reservation at
  /// 0xfeffc000 is KVM's (QEMU, target/i386/kvm/kvm.c, kvm_arch_init), the one below 1 TiB is that of AMD processors, and
  /// what the translator emulates is one.
  ///
  /// - Throws: ``MachineError/unsupportedMemorySize(_:allowed:)`` unless `size` is a number of MiB from 2 MiB to 1000
  ///   GiB.
  public static func pc(_ size: ByteCount, accelerator: Accelerator? = nil) throws(MachineError) -> MemoryMap {
    guard size >= leastSize, size <= greatestSize, size.value % (1 << 20) == 0 else {
      throw MachineError.unsupportedMemorySize(size, allowed: "whole MiB from 2 MiB to 1000 GiB")
    }
    let low = low(size)
    var entries = [
      entry(0, 0x9_fc00, .usable),
      entry(0x9_fc00, 0xa_0000, .reserved),
      entry(0xf_0000, 0x10_0000, .reserved),
      entry(0x10_0000, low - 0x2_0000, .usable),
      entry(low - 0x2_0000, low, .reserved),
      entry(0xfffc_0000, fourGiB, .reserved),
      entry(0xfd_0000_0000, 0x100_0000_0000, .reserved),
    ]
    if accelerator != .tcg { entries.append(entry(0xfeff_c000, 0xff00_0000, .reserved)) }
    if size.value > low { entries.append(entry(fourGiB, fourGiB + size.value - low, .usable)) }
    return MemoryMap(normalising: entries)
  }

  private static func entry(_ start: UInt64, _ end: UInt64, _ kind: MemoryKind) -> MemoryMap.Entry {
    MemoryMap.Entry(
      range: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(end - start)), kind: kind
    )
  }
}
