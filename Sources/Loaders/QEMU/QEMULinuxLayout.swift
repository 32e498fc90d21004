import Addresses
import BootProtocols
import KernelImage
import Placement

/// Where the parts of a Linux image go, by its boot protocol.
///
///     below 2.00, or not LOADED_HIGH     setup 0x90000   command line 0x9a000 - size   payload 0x10000
///     2.00 and 2.01                      setup 0x90000   command line 0x9a000 - size   payload 0x100000
///     2.02 on                            setup 0x10000   command line 0x20000          payload 0x100000
struct QEMULinuxLayout {
  /// 0 without "HdrS".
  let version: UInt16
  let setup: UInt64
  let text: UInt64
  let payload: UInt64

  init(_ image: RawSpan, commandLine: String) {
    let hasHeader = image.load(UInt32.self, at: 0x202) == QEMULinux.magic
    version = hasHeader ? image.load(UInt16.self, at: 0x206) ?? 0 : 0
    let isHigh = (image.load(UInt8.self, at: 0x211) ?? 0) & 1 != 0
    let size = (UInt64(commandLine.utf8.count) &+ 16) & ~15
    if version < 0x200 || !isHigh {
      (setup, text, payload) = (0x9_0000, 0x9_a000 &- size, 0x1_0000)
    } else if version < 0x202 {
      (setup, text, payload) = (0x9_0000, 0x9_a000 &- size, 0x10_0000)
    } else {
      (setup, text, payload) = (0x1_0000, 0x2_0000, 0x10_0000)
    }
  }

  var protocolText: String { "\(version >> 8).\(version & 0xff)" }

  /// As linuxboot_dma leaves the processor: CS 0x20 paragraphs behind the setup, the stack below the command line.
  var entry: EntryState {
    let segment = setup >> 4
    var registers = [EntryState.Register("cs", segment + 0x20, "the setup's second sector"), .init("eip", 0, "")]
    for name in ["ds", "es", "fs", "gs", "ss"] { registers.append(.init(name, segment, "the setup")) }
    registers.append(.init("esp", (text &- setup &- 16) & 0xffff_ffff, "below the command line"))
    for name in ["ebx", "ecx", "edx", "esi", "edi", "ebp"] { registers.append(.init(name, 0, "")) }
    return EntryState(mode: .real, address: setup + 0x200, registers: registers)
  }

  /// `setup_sects` and the boot sector; 0 sectors are 4.
  func setupSize(_ image: RawSpan) -> UInt64 {
    let sectors = UInt64(image.load(UInt8.self, at: 0x1f1) ?? 0)
    return ((sectors == 0 ? 4 : sectors) + 1) * 512
  }

  /// The highest address that an initial RAM disk may have.
  func moduleLimit(_ image: RawSpan, _ memory: QEMUMemory) -> UInt64 {
    var limit: UInt64 = 0x37ff_ffff
    if version >= 0x203 { limit = UInt64(image.load(UInt32.self, at: 0x22c) ?? 0) }
    // XLF_CAN_BE_LOADED_ABOVE_4G: such a kernel's initial RAM disk may lie anywhere below 4 GiB.
    if version >= 0x20c, (image.load(UInt16.self, at: 0x236) ?? 0) & 2 != 0 { limit = 0xffff_ffff }
    let top = memory.end &- QEMULinux.tables
    return (limit >= top ? top &- 1 : limit) & 0xffff_ffff
  }

  /// The setup with its patched header.
  func placeSetup(
    _ header: QEMULinuxHeader, setup size: UInt64, _ memory: QEMUMemory, to prediction: inout LoadPlan
  ) {
    let head = Array(header.bytes.prefix(Int(min(size, UInt64(header.bytes.count)))))
    let blob = prediction.addBlob("setup header", head)
    let count = UInt64(head.count)
    var roms = QEMURomList()
    roms.add(QEMURom(name: "setup", address: setup, size: count, contents: .blob(blob)))
    if size > count {
      roms.add(
        QEMURom(
          name: "setup", address: setup + count, size: size - count, contents: .image(start: count, count: size - count)
        ))
    }
    roms.place(in: memory, copied: true, as: &prediction)
    prediction.decisions.append(
      Decision(
        "places", choice: "setup \(hex(setup)), payload \(hex(payload))",
        because: "boot protocol \(protocolText); init_size and pref_address are not looked at"))
  }

  /// What follows the setup in the file.
  func placePayload(_ image: RawSpan, setup size: UInt64, _ memory: QEMUMemory, to prediction: inout LoadPlan) {
    let rest = UInt64(image.byteCount) - size
    guard rest > 0 else { return }
    var roms = QEMURomList()
    roms.add(QEMURom(name: "payload", address: payload, size: rest, contents: .image(start: size, count: rest)))
    roms.place(in: memory, copied: true, as: &prediction)
  }

  /// The option ROM enters by a far return: IP and CS stay below the stack.
  func placeReturn(_ memory: QEMUMemory, to prediction: inout LoadPlan) {
    let segment = (setup >> 4) + 0x20
    let bytes = [0, 0, UInt8(truncatingIfNeeded: segment), UInt8(truncatingIfNeeded: segment >> 8)]
    let blob = prediction.addBlob("far return", bytes)
    let place = setup + ((text &- setup &- 16) & 0xffff) - 4
    var roms = QEMURomList()
    roms.add(QEMURom(name: "far return", address: place, size: 4, contents: .blob(blob)))
    roms.place(in: memory, copied: true, as: &prediction)
  }

  func placeText(_ commandLine: String, _ memory: QEMUMemory, to prediction: inout LoadPlan) {
    let bytes = Array(commandLine.utf8) + [0]
    let blob = prediction.addBlob("command line", bytes)
    var roms = QEMURomList()
    roms.add(QEMURom(name: "command line", address: text, size: UInt64(bytes.count), contents: .blob(blob)))
    roms.place(in: memory, copied: true, as: &prediction)
  }
}
