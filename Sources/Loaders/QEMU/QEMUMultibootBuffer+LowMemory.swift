import Addresses
import Placement

/// What else is in low memory when the option ROM copies the buffer, which is the last that it does before the kernel
/// (QEMU 7.2, pc-bios/optionrom/multiboot.S).
extension QEMUMultibootBuffer {
  /// The option ROM's request to copy, on SeaBIOS's stack; its first word becomes 0 when that is done. Seen on `pc`,
  /// with ESP at the entry behind it.
  static let copyRequest: Range<UInt64> = 0x6ef8..<0x6f08
  /// Where SeaBIOS has put the option ROM itself, 1 KiB, in memory that stays writable. Seen on `pc` with its usual
  /// devices: a buffer that ends at 0xcb000 or begins at 0xcb400 does no harm.
  static let optionROM: Range<UInt64> = 0xc_b000..<0xc_b400

  /// The bytes that are copied.
  var extent: Range<UInt64> { address..<address + size }

  func checkOptionROM() throws(QEMUStop) {
    guard extent.overlaps(Self.optionROM) else { return }
    throw .misbehaves(
      "overwrites the option ROM that copies it, and never comes to the kernel",
      "the buffer lies from \(hex(extent.lowerBound)) to \(hex(extent.upperBound)), the option ROM from "
        + "\(hex(Self.optionROM.lowerBound)) to \(hex(Self.optionROM.upperBound))",
      "nothing is compared with the firmware's memory", QEMUMultiboot.source)
  }

  /// What of the boot information stays there.
  func left(of range: Range<UInt64>) -> [Range<UInt64>] {
    let before = range.lowerBound..<max(range.lowerBound, min(range.upperBound, extent.lowerBound))
    let behind = min(range.upperBound, max(range.lowerBound, extent.upperBound))..<range.upperBound
    return extent.overlaps(range) ? [before, behind].filter { !$0.isEmpty } : [range]
  }

  func remarkLowMemory(_ prediction: inout LoadPlan) {
    let rule = Rule("the buffer is copied last", source: "QEMU 7.2, pc-bios/optionrom/multiboot.S")
    let information = Self.memoryMap..<Self.information + 88
    if extent.overlaps(information) {
      prediction.remarks.append(
        Remark(
          .overlap, "the kernel, its strings and modules overwrite the boot information from \(hex(Self.memoryMap))",
          rule: rule))
    }
    if extent.overlaps(Self.copyRequest) {
      prediction.remarks.append(
        Remark(
          .unspecified,
          "from \(hex(Self.copyRequest.lowerBound)) to \(hex(Self.copyRequest.upperBound)) lies the option ROM's stack, which it "
            + "uses while it copies", rule: rule))
    }
  }
}
