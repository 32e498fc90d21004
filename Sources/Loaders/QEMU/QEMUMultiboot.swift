import Addresses
import BootProtocols
import KernelImage
import Placement

/// Multiboot 0.6.96 (QEMU 7.2, hw/i386/multiboot.c, load_multiboot; pc-bios/optionrom/multiboot.S).
enum QEMUMultiboot {
  static let source = "QEMU 7.2, hw/i386/multiboot.c, load_multiboot"

  /// The kernel as QEMU has it before it makes the buffer.
  struct Kernel {
    var reading: String
    /// Where the buffer goes.
    var address: UInt64
    /// The bytes from there that are the kernel's.
    var size: UInt64
    var entry: UInt64
    /// What is in the kernel's bytes. Gaps between parts hold whatever was in QEMU's memory.
    var parts: [QEMURom]
    /// The blocks that are also written at reset.
    var roms: [QEMURom]
    var remarks: [Remark]
  }

  /// Nil where the first 8 KiB hold no header.
  static func load(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome? {
    guard let offset = headerOffset(image) else { return nil }
    return LoaderOutcome(qemu: { () throws(QEMUStop) in
      let flags = word(image, offset + 4)
      let kernel = try flags & 0x1_0000 == 0 ? elf(image) : fields(image, at: offset)
      return try QEMUMultibootBuffer(kernel, request).predict()
    })
  }

  /// The first magic with its checksum, at a multiple of 4 below 8144.
  private static func headerOffset(_ image: RawSpan) -> UInt64? {
    for offset in stride(from: 0 as UInt64, to: 8192 - 48, by: 4) {
      guard let magic = image.load(UInt32.self, at: offset) else { return nil }
      guard magic == 0x1bad_b002 else { continue }
      if (word(image, offset + 4) &+ word(image, offset + 8) &+ UInt64(magic)) & 0xffff_ffff == 0 { return offset }
    }
    return nil
  }

  private static func word(_ image: RawSpan, _ offset: UInt64) -> UInt64 {
    UInt64(image.load(UInt32.self, at: offset) ?? 0)
  }

  private static func elf(_ image: RawSpan) throws(QEMUStop) -> Kernel {
    // The field is read before the file is known to be ELF.
    guard image.load(UInt16.self, at: 18) != 62 else {
      throw .refuses(
        "Cannot load x86-64 image, give a 32bit one.", "e_machine 62", "e_machine is not EM_X86_64", source)
    }
    let file = QEMUELF(image, machines: QEMUPVH.machines)
    if case .failed(let reason) = file.ending {
      throw .refuses("Error while loading elf kernel", reason, "load_elf takes the file", QEMUELF.source)
    }
    if case .misbehaves(let misbehaviour) = file.ending { throw .misbehaviour(misbehaviour) }
    var kernel = Kernel(
      reading: "Multiboot, ELF", address: file.low & 0xffff_ffff, size: (file.high &- file.low) & 0xffff_ffff,
      entry: file.entry & 0xffff_ffff, parts: [], roms: file.roms, remarks: file.remarks)
    try fetch(&kernel)
    return kernel
  }

  /// Copies the blocks out of the store (hw/core/loader.c, rom_copy): the copy must end where the kernel does.
  private static func fetch(_ kernel: inout Kernel) throws(QEMUStop) {
    var list = QEMURomList()
    for rom in kernel.roms + [QEMULinux.firmware] { list.add(rom) }
    let end = kernel.address + kernel.size
    var copied: UInt64 = 0
    for rom in list.sorted where rom.end >= kernel.address {
      if rom.address > end || rom.address < kernel.address { break }
      copied = rom.end &- kernel.address
      guard copied <= kernel.size else {
        throw .misbehaves(
          "corrupts its memory and crashes", "\(rom.description) ends behind the kernel, \(hex(end))",
          "what is too much is computed with the wrong sign", "QEMU 7.2, hw/core/loader.c, rom_copy")
      }
      kernel.parts.append(rom)
    }
    guard copied == kernel.size else {
      throw .refuses(
        "Error while fetching elf kernel from rom",
        "the blocks end at \(hex(kernel.address &+ copied)), the segments at \(hex(end))",
        "the last block ends where the highest segment does", source)
    }
    if let overlap = list.overlap { throw .refusal(overlap) }
  }

  /// The header's address fields (Multiboot Specification 0.6.96, 3.1.3).
  private static func fields(_ image: RawSpan, at offset: UInt64) throws(QEMUStop) -> Kernel {
    let header = word(image, offset + 12)
    let load = word(image, offset + 16)
    let loadEnd = word(image, offset + 20)
    let bssEnd = word(image, offset + 24)
    let fileSize = UInt64(image.byteCount)
    guard header >= load else {
      throw invalid("load_addr address", "header_addr \(hex(header)), load_addr \(hex(load))")
    }
    guard header - load <= offset else {
      throw invalid("header_addr address", "header_addr \(hex(header)), load_addr \(hex(load)), offset \(hex(offset))")
    }
    let start = offset - (header - load)
    if loadEnd != 0, loadEnd < load { throw invalid("load_end_addr address", "load_end_addr \(hex(loadEnd))") }
    let count = loadEnd != 0 ? loadEnd - load : (fileSize - start) & 0xffff_ffff
    guard count <= 0xffff_ffff - load else {
      throw .refuses(
        "kernel does not fit in address space", "load_addr \(hex(load)), \(hex(count)) bytes", "the end is below 4 GiB",
        source)
    }
    if bssEnd != 0, bssEnd < load + count { throw invalid("bss_end_addr address", "bss_end_addr \(hex(bssEnd))") }
    guard count <= fileSize - start else {
      throw .refuses(
        "fread() failed", "\(hex(count)) bytes from \(hex(start)), file size \(hex(fileSize))", "the file has them",
        source
      )
    }
    let size = bssEnd != 0 ? bssEnd - load : count
    let rom = QEMURom(name: "kernel", address: load, size: size, contents: .image(start: start, count: count))
    return Kernel(
      reading: "Multiboot, address fields", address: load, size: size, entry: word(image, offset + 28),
      parts: size > 0 ? [rom] : [], roms: [], remarks: [])
  }

  private static func invalid(_ field: String, _ evidence: String) -> QEMUStop {
    .refuses("invalid \(field)", evidence, "load_addr <= header_addr, load_end_addr, bss_end_addr", source)
  }
}
