import Addresses
import BootProtocols
import KernelImage
import Placement

extension QEMU {
  /// The machine `virt` of `qemu-system-riscv64` with the OpenSBI that comes with QEMU 7.2 (hw/riscv/boot.c, virt.c).
  ///
  /// The fields of Linux's Image header are not looked at. An image with U-Boot's header is unpacked by QEMU; this model
  /// is for what is inside, and says so.
  public static func riscv64(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    LoaderOutcome(qemu: { () throws(QEMUStop) in
      var load = QEMURISCVLoad(request)
      return try load.predict(image)
    })
  }
}

struct QEMURISCVLoad {
  static let source = "QEMU 7.2, hw/riscv/boot.c"
  static let base: UInt64 = 0x8000_0000
  /// OpenSBI 1.1 as QEMU 7.2 brings it along.
  static let firmware = QEMURom(name: "opensbi", address: base, size: 0x1_c280, contents: .foreign)
  /// The reset vector, and behind it what it tells OpenSBI (riscv_setup_rom_reset_vec).
  static let vector = QEMURom(name: "mrom", address: 0x1000, size: 40 + 48, contents: .foreign)
  /// What OpenSBI 1.1 keeps to itself, as its banner says; what it is to enter must lie elsewhere.
  static let firmwareEnd: UInt64 = 0x8008_0000
  /// The first 2 MiB boundary behind it (riscv_calc_kernel_start_addr).
  static let rawAddress: UInt64 = 0x8020_0000
  static let treeSize: UInt64 = 1 << 20

  let request: LoaderRequest
  let memory: QEMUMemory
  private var roms = QEMURomList()

  init(_ request: LoaderRequest) {
    self.request = request
    memory = QEMUMemory(virt: request.machine, base: Self.base)
    roms.add(Self.firmware)
    roms.add(Self.vector)
  }

  mutating func predict(_ image: RawSpan) throws(QEMUStop) -> LoadPlan {
    let file = QEMUELF(image, machines: [243])
    if case .misbehaves(let misbehaviour) = file.ending { throw .misbehaviour(misbehaviour) }
    // What a file that fails has left stays.
    for rom in file.roms { roms.add(rom) }
    var prediction: LoadPlan
    if case .loaded = file.ending, file.total > 0, file.total <= UInt64(Int64.max) {
      prediction = plan(LenientELF(image).is64 ? "ELF64" : "ELF32", entered: file.low)
      let inside = file.roms.contains { file.low &- $0.address < $0.size }
      prediction.remarks = file.remarks + entryRemarks(file, start: file.low, inside: inside)
    } else {
      try addRaw(image)
      prediction = plan("raw image", entered: Self.rawAddress)
      let isGzip = QEMURawFile.isMarkedGzip(image)
      let reason = isGzip ? "nothing is unpacked" : file.failure ?? "the segments take no memory"
      prediction.remarks = file.remarks
      QEMURawFile.remark(on: image, reason, entered: Self.rawAddress, source: Self.source, in: &prediction)
    }
    return try finish(prediction)
  }

  private func plan(_ reading: String, entered start: UInt64) -> LoadPlan {
    LoadPlan(
      loader: .qemuRISCV, reading: reading, machine: request.machine, entry: state(start, tree: treeAddress))
  }

  private mutating func finish(_ draft: LoadPlan) throws(QEMUStop) -> LoadPlan {
    var prediction = draft
    let start = draft.entry.address
    try addModule(start: start, to: &prediction)
    roms.add(QEMURom(name: "fdt", address: treeAddress, size: Self.treeSize, contents: .foreign))
    if let overlap = roms.overlap { throw .refusal(overlap) }
    guard start < Self.base || start >= Self.firmwareEnd else {
      throw .misbehaves(
        "hangs in OpenSBI", "the lowest address \(hex(start)) lies in OpenSBI's memory, which ends at 0x80080000",
        "the next stage lies outside the firmware's region", "OpenSBI 1.1, lib/sbi/sbi_domain.c, sbi_domain_finalize")
    }
    roms.place(in: memory, as: &prediction)
    prediction.decisions.append(
      Decision(
        "device tree", choice: hex(treeAddress),
        because: "the last 2 MiB boundary with 1 MiB behind it below the end of memory or 3 GiB"))
    return prediction
  }

  /// The kernel is entered at its lowest address, not at e_entry.
  private func entryRemarks(_ file: QEMUELF, start: UInt64, inside: Bool) -> [Remark] {
    let rule = Rule("the lowest address is the entry", source: "\(Self.source), riscv_load_kernel")
    if !inside { return [Remark(.entryOutsideImage, "the entry \(hex(start)) lies in no loaded byte", rule: rule)] }
    guard file.entry != start else { return [] }
    return [
      Remark(
        .entryElsewhere, "the kernel is entered at \(hex(start)), not at e_entry \(hex(file.entry))", rule: rule)
    ]
  }

  private mutating func addRaw(_ image: RawSpan) throws(QEMUStop) {
    let size = UInt64(image.byteCount)
    guard image.load(UInt32.self, at: 0) != 0x5619_0527 else {
      throw .refuses(
        "", "QEMU unpacks U-Boot's format itself: give this model what is inside", "what is packed is unpacked first",
        "QEMU 7.2, hw/core/loader.c")
    }
    guard size > 0, size <= memory.size else {
      throw .refuses(
        "could not load kernel '\(request.imageName)'", "file size \(size), memory \(memory.size)",
        "the file is not empty and no larger than memory", "\(Self.source), riscv_load_kernel")
    }
    roms.add(QEMURom(name: "image", address: Self.rawAddress, size: size, contents: .image(start: 0, count: size)))
  }

  private mutating func addModule(start: UInt64, to prediction: inout LoadPlan) throws(QEMUStop) {
    guard let module = request.modules.first else { return }
    prediction.remarkIgnored(request.modules.dropFirst(), "Linux takes one initial RAM disk")
    let address = start &+ min(memory.size / 2, 128 << 20)
    // The room is counted from 0, not from the base of memory: with less than about 2 GiB it is never too small.
    let room = memory.size &- address
    guard module.size.value <= room else {
      throw .refuses(
        "could not load ramdisk '\(module.name)'", "\(module.size.value) bytes, room for \(room)",
        "the module is no larger than the memory's size minus its address", "\(Self.source), riscv_load_initrd")
    }
    prediction.decisions.append(
      Decision("module", choice: hex(address), because: "the entry and half of memory, at most 128 MiB"))
    roms.add(QEMURom(name: "initrd", address: address, size: module.size.value, contents: .module(0)))
  }

  private var treeAddress: UInt64 { (min(memory.end, 3 << 30) &- Self.treeSize) & ~((2 << 20) - 1) }

  private func state(_ start: UInt64, tree: UInt64) -> EntryState {
    EntryState(
      mode: .riscvSupervisor, address: start,
      registers: [
        .init("a0", 0, "hart"), .init("a1", tree, "device tree"), .init("satp", 0, "no paging"),
      ])
  }
}
