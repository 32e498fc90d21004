import Addresses
import BootProtocols
import KernelImage
import Placement

/// Linux by its 16-bit entry (QEMU 7.2, hw/i386/x86.c, x86_load_linux; pc-bios/optionrom/linuxboot_dma.c).
enum QEMULinux {
  static let source = "QEMU 7.2, hw/i386/x86.c, x86_load_linux"
  /// "HdrS".
  static let magic: UInt32 = 0x5372_6448
  /// What QEMU keeps for ACPI at the top of the memory below 4 GiB, in bytes: 0x20000 and 0x8000 (hw/i386/pc.c,
  /// acpi_data_size).
  static let tables: UInt64 = 0x2_8000
  /// What SeaBIOS says of it to those who ask for the size of memory (INT 15h, E801h).
  static let firmwareTables: UInt64 = 0x2_0000
  /// SeaBIOS, 256 KiB below 4 GiB.
  static let firmware = QEMURom(name: "bios-256k.bin", address: 0xfffc_0000, size: 0x4_0000, contents: .foreign)

  static func load(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    LoaderOutcome(qemu: { () throws(QEMUStop) in try predict(image, request) })
  }

  private static func predict(_ image: RawSpan, _ request: LoaderRequest) throws(QEMUStop) -> LoadPlan {
    let layout = QEMULinuxLayout(image, commandLine: request.commandLine)
    let memory = QEMUMemory(x86: request.machine)
    var prediction = LoadPlan(
      loader: .qemuLinux, reading: "Linux, boot protocol \(layout.protocolText)", machine: request.machine,
      entry: layout.entry)
    var header = QEMULinuxHeader(image)
    try header.patch(layout, commandLine: request.commandLine)
    let module = request.modules.first
    var moduleAddress: UInt64 = 0
    if let module {
      guard layout.version >= 0x200 else {
        throw .refuses(
          "qemu: linux kernel too old to load a ram disk", "boot protocol \(layout.protocolText)",
          "ramdisk_image came with protocol 2.00", source)
      }
      moduleAddress = try modulePlace(module, limit: layout.moduleLimit(image, memory))
      header.store(UInt32(truncatingIfNeeded: moduleAddress), at: 0x218)
      header.store(UInt32(truncatingIfNeeded: module.size.value), at: 0x21c)
    }
    let setup = layout.setupSize(image)
    guard setup <= UInt64(image.byteCount) else {
      throw .refuses(
        "qemu: invalid kernel header", "setup_sects makes \(setup) bytes, file size \(image.byteCount)",
        "the setup lies in the file", source)
    }
    // Without "HdrS" the file's own bytes go (x86_load_linux, protocol > 0).
    if layout.version == 0 { header = QEMULinuxHeader(image) }
    header.finish(module: module, at: &moduleAddress, memory)
    layout.placeSetup(header, setup: setup, memory, to: &prediction)
    if let module { addModule(at: moduleAddress, module, memory, to: &prediction) }
    layout.placePayload(image, setup: setup, memory, to: &prediction)
    layout.placeText(request.commandLine, memory, to: &prediction)
    layout.placeReturn(memory, to: &prediction)
    prediction.remarkIgnored(request.modules.dropFirst(), "Linux takes one initial RAM disk")
    return prediction
  }

  /// A page below the limit.
  static func modulePlace(_ module: LoaderRequest.Module, limit: UInt64) throws(QEMUStop) -> UInt64 {
    guard module.size.value < limit else {
      throw .refuses(
        "qemu: initrd is too large, cannot support.(max: \(limit), need \(module.size.value))",
        "module \(module.name), \(module.size.value) bytes", "the module is smaller than its highest address", source)
    }
    return (limit - module.size.value) & ~4095
  }

  /// Where the option ROM moves it (``QEMULinuxHeader/finish(module:at:_:)``).
  static func movedModulePlace(_ module: LoaderRequest.Module, _ memory: QEMUMemory) -> UInt64 {
    (memory.end &- firmwareTables &- module.size.value) & 0xffff_f000
  }

  static func addModule(
    at address: UInt64, _ module: LoaderRequest.Module, _ memory: QEMUMemory, to prediction: inout LoadPlan
  ) {
    prediction.decisions.append(
      Decision("module", choice: hex(address), because: "the highest page that leaves it room"))
    var roms = QEMURomList()
    roms.add(QEMURom(name: "initrd", address: address, size: module.size.value, contents: .module(0)))
    roms.place(in: memory, as: &prediction)
  }
}
