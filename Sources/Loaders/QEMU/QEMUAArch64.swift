import Addresses
import BootProtocols
import KernelImage
import Placement

extension QEMU {
  /// The machine `virt` of `qemu-system-aarch64`, 64-bit processor, no firmware, no EL2 (QEMU 7.2, hw/arm/boot.c).
  ///
  /// An image in gzip or with U-Boot's header is unpacked by QEMU; this model is for what is inside, and says so.
  public static func aarch64(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    LoaderOutcome(qemu: { () throws(QEMUStop) in
      let header = LenientELF(image)
      var load = QEMUAArch64Load(request)
      if header.hasMagic, image.byteCount >= (header.is64 ? 64 : 52) { return try load.elf(image) }
      return try load.raw(image)
    })
  }
}

struct QEMUAArch64Load {
  static let source = "QEMU 7.2, hw/arm/boot.c, arm_setup_direct_kernel_boot"
  static let base: UInt64 = 0x4000_0000
  /// What the device tree takes before it is packed (hw/arm/virt.c, create_fdt).
  static let treeSize: UInt64 = 1 << 20

  let request: LoaderRequest
  let memory: QEMUMemory
  private var roms = QEMURomList()
  private var end: UInt64 { memory.end }

  init(_ request: LoaderRequest) {
    self.request = request
    memory = QEMUMemory(virt: request.machine, base: Self.base)
  }

  /// ELF is not Linux: no stub, no module, no device tree in a register.
  mutating func elf(_ image: RawSpan) throws(QEMUStop) -> LoadPlan {
    let file = QEMUELF(bigOrLittle: image, machines: [183])
    if case .misbehaves(let misbehaviour) = file.ending { throw .misbehaviour(misbehaviour) }
    let reason = file.failure ?? "the segments take no memory"
    guard case .loaded = file.ending, file.total > 0, file.total <= UInt64(Int64.max) else {
      throw .refuses("", "\(reason); QEMU ends with status 1 and says nothing", "load_elf takes the file", Self.source)
    }
    try checkSize(file.total)
    var prediction = LoadPlan(
      loader: .qemuAArch64, reading: "ELF64",
      machine: request.machine,
      entry: EntryState(mode: .aarch64EL1, address: file.entry, registers: [.init("x0", 0, "no device tree")]))
    prediction.remarks = file.remarks
    prediction.remarkEntry(inside: file.isEntryInside, file.entry)
    prediction.remarkIgnored(request.modules[...], "an ELF file is not taken for Linux")
    for rom in file.roms { roms.add(rom) }
    addTree(low: file.low, high: file.high, to: &prediction)
    return try finish(prediction)
  }

  /// The device tree lies at the base of memory where the image leaves room there, at 0 where it lies around the base.
  private mutating func addTree(low: UInt64, high: UInt64, to prediction: inout LoadPlan) {
    var start: UInt64 = 0
    var limit: UInt64 = 0
    if low > Self.base || high < Self.base { (start, limit) = (Self.base, low < Self.base ? 0 : low) }
    let fits = limit <= start || Self.treeSize <= limit - start
    prediction.decisions.append(
      Decision(
        "device tree", choice: fits ? hex(start) : "none",
        because: "an ELF file leaves it the base of memory, 1 MiB below its lowest segment"))
    if fits { roms.add(QEMURom(name: "dtb", address: start, size: Self.treeSize, contents: .foreign)) }
  }

  /// Linux's Image (Documentation/arch/arm64/booting.rst), or anything that is taken for one.
  mutating func raw(_ image: RawSpan) throws(QEMUStop) -> LoadPlan {
    try checkPacking(image)
    let fileSize = UInt64(image.byteCount)
    var offset: UInt64 = 0x8_0000
    var size = fileSize
    if fileSize > 60, image.load(UInt32.self, at: 56) == 0x644d_5241, let claimed = image.load(UInt64.self, at: 16),
      claimed != 0, let wanted = image.load(UInt64.self, at: 8)
    {
      // Below 4 KiB it might meet the stub.
      (offset, size) = (wanted < 0x1000 ? wanted + 0x20_0000 : wanted, claimed)
    }
    let address = Self.base &+ offset
    guard size <= UInt64(Int64.max) else {
      throw .refuses(
        "could not load kernel '\(request.imageName)'", "image_size \(hex(size))", "a negative size is a failure",
        Self.source)
    }
    try checkSize(size)
    roms.add(
      QEMURom(name: "image", address: address, size: fileSize, contents: .image(start: 0, count: fileSize)))
    let module = try placeModule(after: address &+ size)
    let tree = (module.start &+ module.size).roundedUp(to: 2 << 20)
    guard tree < end else {
      throw .refuses(
        "Not enough space for DTB after kernel/initrd", "it would lie at \(hex(tree)), memory ends at \(hex(end))",
        "the device tree follows the module on 2 MiB", Self.source)
    }
    roms.add(QEMURom(name: "dtb", address: tree, size: Self.treeSize, contents: .foreign))
    var prediction = linux(address: address, tree: tree)
    let reason = QEMURawFile.isMarkedGzip(image) ? "gunzip() does not take it" : "the file ends in the ELF header"
    QEMURawFile.remark(on: image, reason, entered: address, source: Self.source, in: &prediction)
    return try finish(prediction)
  }

  private mutating func linux(address: UInt64, tree: UInt64) -> LoadPlan {
    var registers = [EntryState.Register("x0", tree, "device tree")]
    for name in ["x1", "x2", "x3"] { registers.append(.init(name, 0, "reserved")) }
    registers.append(.init("x4", address, "the entry, from the stub"))
    var prediction = LoadPlan(
      loader: .qemuAArch64, reading: "Linux Image",
      machine: request.machine, entry: EntryState(mode: .aarch64EL1, address: address, registers: registers))
    let stub = prediction.addBlob("bootloader", Self.stub(tree: tree, entry: address))
    roms.add(QEMURom(name: "bootloader", address: Self.base, size: 40, contents: .blob(stub)))
    prediction.decisions.append(
      Decision("device tree", choice: hex(tree), because: "the first 2 MiB boundary behind the module"))
    prediction.remarkIgnored(request.modules.dropFirst(), "Linux takes one initial RAM disk")
    return prediction
  }

  /// ldr x0; mov x1, x2, x3 to 0; ldr x4; br x4; the device tree's address; the entry (bootloader_aarch64).
  private static func stub(tree: UInt64, entry: UInt64) -> [UInt8] {
    let words: [UInt32] = [0x5800_00c0, 0xaa1f_03e1, 0xaa1f_03e2, 0xaa1f_03e3, 0x5800_0084, 0xd61f_0080]
    var bytes: [UInt8] = []
    for word in words { for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * UInt32(shift)))) } }
    for word in [tree, entry] {
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift)))) }
    }
    return bytes
  }

  /// Half of memory or 128 MiB up, or behind the image.
  private mutating func placeModule(after image: UInt64) throws(QEMUStop) -> (start: UInt64, size: UInt64) {
    let start = max(Self.base + min(memory.size / 2, 128 << 20), image).roundedUp(to: 4096)
    guard let module = request.modules.first else { return (start, 0) }
    guard start < end else {
      throw .refuses(
        "not enough space after kernel to load initrd", "it would lie at \(hex(start)), memory ends at \(hex(end))",
        "the module follows the image", Self.source)
    }
    guard module.size.value <= end - start else {
      throw .refuses(
        "could not load initrd '\(module.name)'", "\(module.size.value) bytes, \(end - start) are left",
        "the module ends in memory", Self.source)
    }
    roms.add(QEMURom(name: "initrd", address: start, size: module.size.value, contents: .module(0)))
    return (start, module.size.value)
  }

  private func checkSize(_ size: UInt64) throws(QEMUStop) {
    guard size > memory.size else { return }
    throw .refuses(
      "kernel '\(request.imageName)' is too large to fit in RAM (kernel size \(size), RAM size \(memory.size))",
      "size \(hex(size))", "the kernel is no larger than memory", Self.source)
  }

  private func checkPacking(_ image: RawSpan) throws(QEMUStop) {
    let isGzip = QEMURawFile.isGzip(image)
    guard isGzip || image.load(UInt32.self, at: 0) == 0x5619_0527 else { return }
    throw .refuses(
      "", "QEMU unpacks \(isGzip ? "gzip" : "U-Boot's format") itself: give this model what is inside",
      "what is packed is unpacked first", "QEMU 7.2, hw/core/loader.c")
  }

  private func finish(_ draft: LoadPlan) throws(QEMUStop) -> LoadPlan {
    var prediction = draft
    if let overlap = roms.overlap { throw .refusal(overlap) }
    roms.place(in: memory, as: &prediction)
    return prediction
  }
}
