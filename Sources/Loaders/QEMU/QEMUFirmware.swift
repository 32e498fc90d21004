import Addresses
import Placement

/// What SeaBIOS does to the memory of `pc` between a reset, at which QEMU writes the blocks of an ELF kernel, and the
/// kernel's entry. What the option ROMs bring comes later.
struct QEMUFirmware {
  static let source = "SeaBIOS 1.16, src/malloc.c, malloc_preinit and malloc_prepboot"

  /// Vectors, stack, data and scratch below 640 KiB; tables, relocated code and scratch at the top of the memory below
  /// 4 GiB, where foreign bytes were seen in the topmost 16.1 MiB of 512 MiB. A small machine gives up a quarter at most.
  let ranges: [Range<UInt64>]
  /// Where blocks of ROM are: QEMU writes a block that begins there when it starts, and then forgets its bytes.
  static let readOnly: Range<UInt64> = 0xc_0000..<0x10_0000

  init(_ memory: QEMUMemory) {
    let tables = memory.end - min(memory.end, QEMULinux.firmwareTables)
    let scratch = min(20 << 20, memory.end / 4)
    ranges = [0..<0xa_0000, tables - min(tables, scratch)..<memory.end]
  }

  /// Says which blocks nobody can rely on.
  func remark(on roms: [QEMURom], in prediction: inout LoadPlan) {
    for rom in roms {
      for range in ranges where rom.meets(range) {
        prediction.remarks.append(
          Remark(
            .unspecified,
            "\(rom.description) lies in the firmware's memory, \(hex(range.lowerBound)) to \(hex(range.upperBound)): it is "
              + "written there before the firmware runs",
            rule: Rule("the firmware writes to memory between the load and the entry", source: Self.source)))
      }
      if Self.readOnly.contains(rom.address), rom.end > Self.readOnly.upperBound {
        prediction.remarks.append(
          Remark(
            .unspecified, "\(rom.description) begins in read-only memory, so that no reset writes it again",
            rule: Rule("what begins in ROM is written once", source: "QEMU 7.2, hw/core/loader.c, rom_reset")))
      }
    }
  }
}

extension QEMURom {
  /// Whether a byte lies in a range.
  fileprivate func meets(_ range: Range<UInt64>) -> Bool {
    address < range.upperBound && size > 0 && (end > range.lowerBound || end < address)
  }
}
