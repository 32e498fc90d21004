import Addresses
import BootProtocols
import KernelImage
import Placement

/// ELF kernels by note 18, XEN_ELFNOTE_PHYS32_ENTRY (QEMU 7.2, hw/i386/x86.c, load_elfboot; pc-bios/optionrom/pvh.c).
enum QEMUPVH {
  static let source = "QEMU 7.2, hw/i386/x86.c, load_elfboot"
  /// The machines whose files `qemu-system-x86_64` takes: EM_X86_64 and EM_386.
  static let machines: [UInt64] = [62, 3]

  static func load(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    LoaderOutcome(qemu: { () throws(QEMUStop) in try predict(image, request) })
  }

  private static func predict(_ image: RawSpan, _ request: LoaderRequest) throws(QEMUStop) -> LoadPlan {
    let header = LenientELF(image)
    let flags = header.flags ?? 0
    guard flags & 0x0001_0004 == 0 else {
      throw .refuses(
        "elfboot unsupported flags = \(String(flags, radix: 16))", "e_flags \(hex(flags))", "e_flags & 0x10004 is 0",
        source)
    }
    let file = QEMUELF(image, machines: machines, wantsNote: true)
    if case .failed(let reason) = file.ending {
      throw .refuses("Error while loading elf kernel", reason, "load_elf takes the file", QEMUELF.source)
    }
    if case .misbehaves(let misbehaviour) = file.ending { throw .misbehaviour(misbehaviour) }
    guard file.note != 0 else {
      throw .refuses(
        "Error loading uncompressed kernel without PVH ELF Note", "no note of type 18, or its value is 0",
        "the first note of type 18 is the entry, whatever its owner", source)
    }
    // fw_cfg carries 32 bits of it.
    let entry = file.note & 0xffff_ffff
    var prediction = LoadPlan(
      loader: .qemuPVH, reading: header.is64 ? "PVH, ELF64" : "PVH, ELF32", machine: request.machine,
      entry: state(entry))
    prediction.remarks = file.remarks
    let memory = QEMUMemory(x86: request.machine)
    var roms = QEMURomList()
    for rom in file.roms { roms.add(rom) }
    roms.add(QEMULinux.firmware)
    let inside = file.roms.contains { entry &- $0.address < $0.size }
    prediction.remarkEntry(inside: inside, entry)
    if let overlap = roms.overlap { throw .refusal(overlap) }
    QEMUFirmware(memory).remark(on: file.roms, in: &prediction)
    roms.place(in: memory, as: &prediction)
    // The option ROM fetches it when the firmware has run.
    try addModule(request, memory, to: &prediction)
    return prediction
  }

  /// The first module, as high as ACPI's tables leave room.
  private static func addModule(
    _ request: LoaderRequest, _ memory: QEMUMemory, to prediction: inout LoadPlan
  ) throws(QEMUStop) {
    guard let module = request.modules.first else { return }
    let limit = (memory.end &- QEMULinux.tables &- 1) & 0xffff_ffff
    let address = try QEMULinux.modulePlace(module, limit: limit)
    QEMULinux.addModule(at: address, module, memory, to: &prediction)
    prediction.remarkIgnored(request.modules.dropFirst(), "the start info holds one module")
  }

  private static func state(_ entry: UInt64) -> EntryState {
    EntryState(
      mode: .protected32, address: entry,
      registers: [
        .init(unspecified: "ebx", "the start info, in the option ROM's copy in low memory"),
        .init("cs", 8, "flat code"), .init("ds", 0x10, "flat data"), .init("es", 0x10, "flat data"),
        .init("ss", 0x10, "flat data"), .init("cr0", 0x11, "protected mode without paging"), .init("cr4", 0, ""),
      ])
  }
}
