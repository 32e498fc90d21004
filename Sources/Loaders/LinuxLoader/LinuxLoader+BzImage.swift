import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

extension LinuxLoader {
  private static var file: String { "bzimage/mod.rs" }

  /// Copies what follows the setup code to code32_start (bzimage/mod.rs, BzImage::load).
  static func loadBzImage(
    _ image: RawSpan, _ request: LoaderRequest, _ monitor: Monitor
  ) throws(Stop) -> LoadPlan {
    try checkBzImage(image)
    let sectors = image.wide(UInt8.self, at: 0x1f1) ?? 0
    let setup = ((sectors == 0 ? 4 : sectors) + 1) * 512
    let start = image.wide(UInt32.self, at: 0x214) ?? 0
    guard start >= highMemoryStart else {
      throw Stop(
        "InvalidKernelStartAddress", evidence: "code32_start \(hex(start))",
        rule: rule("code32_start is not below the monitor's start of high memory, \(hex(highMemoryStart))", file))
    }
    let size = UInt64(image.byteCount)
    guard setup <= size else {
      throw Stop(
        "InvalidBzImage", evidence: "setup_sects \(sectors), \(size) bytes",
        rule: rule("the file is not shorter than its setup code", file))
    }
    let target = PhysicalRange(
      uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(size - setup))
    guard request.machine.isUsable(target) else {
      throw Stop(
        "Unable to read bzImage compressed image", evidence: "code32_start \(hex(start)), \(hex(target))",
        rule: rule("guest memory holds the whole rest of the file", file))
    }
    var prediction = try enterBzImage(image, at: start, request, monitor)
    prediction.pieces = [
      Piece(
        source: .image(FileRange(uncheckedStart: FileOffset(unchecked: setup), count: target.count)),
        destination: target, owner: "protected-mode kernel")
    ]
    prediction.decisions = [
      Decision(
        "physical place", choice: hex(start), because: "code32_start; init_size is not looked at",
        rejected: [.init("pref_address", "not looked at")])
    ]
    return addMonitorParts(prediction, request, monitor)
  }

  private static func checkBzImage(_ image: RawSpan) throws(Stop) {
    guard image.holds(4, at: 0x260) else {
      throw Stop(
        "Unable to read bzImage header", evidence: "\(image.byteCount) bytes",
        rule: rule("the file holds the setup header", file))
    }
    let magic = image.wide(UInt32.self, at: 0x202) ?? 0
    guard magic == 0x5372_6448 else {
      throw Stop("InvalidBzImage", evidence: "header \(hex(magic))", rule: rule("header is HdrS", file))
    }
    let version = image.wide(UInt16.self, at: 0x206) ?? 0
    let flags = image.wide(UInt8.self, at: 0x211) ?? 0
    guard version >= 0x200, flags & 1 == 1 else {
      throw Stop(
        "InvalidBzImage", evidence: "version \(hex(version)), loadflags \(hex(flags))",
        rule: rule("protocol 2.00 and LOADED_HIGH", file))
    }
  }

  private static func enterBzImage(
    _ image: RawSpan, at start: UInt64, _ request: LoaderRequest, _ monitor: Monitor
  ) throws(Stop) -> LoadPlan {
    guard monitor == .firecracker else {
      return LoadPlan(
        loader: monitor.loader, reading: "Cloud Hypervisor, bzImage",
        machine: request.machine,
        entry: EntryState(
          mode: .protected32, address: start,
          registers: [.init("esi", 0x7000, "zero page"), .init("esp", 0x8ff0, "boot stack")]
            + protectedMode(monitor)))
    }
    let version = image.wide(UInt16.self, at: 0x206) ?? 0
    let flags = image.wide(UInt16.self, at: 0x236) ?? 0
    guard version >= 0x20c, flags & 1 == 1 else {
      throw Stop(
        "InvalidBzImage", evidence: "version \(hex(version)), xloadflags \(hex(flags))",
        rule: Rule("protocol 2.12 and XLF_KERNEL_64", source: "Firecracker, src/vmm/src/arch/x86_64/mod.rs"))
    }
    return LoadPlan(
      loader: monitor.loader, reading: "Firecracker, bzImage, 64-bit", machine: request.machine,
      entry: linux64State(start + 0x200))
  }
}
