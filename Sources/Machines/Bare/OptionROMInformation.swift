import AddressSpace
import Addresses
import BootProtocols

/// The boot information that QEMU's option ROM for PVH makes before it enters a kernel: the variables of QEMU 7.2's
/// pc-bios/optionrom/pvh_main.c, which its linker puts into the first pages of memory; seen there with Debian's pvh.bin.
///
///     0x5a8     0x11c0          0x21c0        0x21e0        0x2218
///     ├ memory ─┼─ command line ┼─ module ────┼─ start info ┤
///       map: 128 entries          one entry
struct OptionROMInformation: BootMemory {
  static let memoryMap: UInt64 = 0x5a8
  static let commandLine: UInt64 = 0x11c0
  static let moduleList: UInt64 = 0x21c0
  static let startInfo: UInt64 = 0x21e0
  private static let end: UInt64 = 0x2218

  /// Memory from 0 on.
  private var bytes: [UInt8]

  init(memoryMap: MemoryMap, commandLine: String, module: PhysicalRange?) {
    bytes = [UInt8](repeating: 0, count: Int(Self.end))
    for (index, entry) in memoryMap.entries.enumerated() {
      let place = Self.memoryMap + 24 * UInt64(index)
      store(entry.range.start.value, at: place)
      store(entry.range.count.value, at: place + 8)
      store(entry.kind.rawValue, at: place + 16)
    }
    // The buffer has 4096 bytes, and its last stays 0.
    for (index, byte) in commandLine.utf8.prefix(4095).enumerated() { bytes[Int(Self.commandLine) + index] = byte }
    if let module {
      store(module.start.value, at: Self.moduleList)
      store(module.count.value, at: Self.moduleList + 8)
    }
    store(PVHStartInfo.magic, at: Self.startInfo)
    store(UInt32(1), at: Self.startInfo + 4)
    store(UInt32(module == nil ? 0 : 1), at: Self.startInfo + 12)
    store(Self.moduleList, at: Self.startInfo + 16)
    store(Self.commandLine, at: Self.startInfo + 24)
    store(Self.memoryMap, at: Self.startInfo + 40)
    store(UInt32(memoryMap.entries.count), at: Self.startInfo + 48)
  }

  func loadByte(at address: PhysicalAddress) -> UInt8? {
    address.value < Self.end ? bytes[Int(address.value)] : nil
  }

  private mutating func store(_ value: some FixedWidthInteger, at address: UInt64) {
    for index in 0..<value.bitWidth / 8 {
      bytes[Int(address) + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
  }
}
