import Addresses
import BootProtocols
import KernelImage
import Placement

extension KexecLoad {
  /// kexec/arch/i386/kexec-multiboot-x86.c, multiboot_x86_load.
  mutating func multiboot(_ elf: KexecELF?, _ header: KexecMultiboot) throws(Kexec.Stop) {
    var entry = UInt64(header.entry)
    if let elf {
      prediction.reading = "multiboot-x86, \(elf.is64 ? "ELF64" : "ELF32")"
      entry = try placeSegments(elf)
    } else {
      prediction.reading = "multiboot-x86, address fields"
      try placeAddressFields(header)
    }
    try addPurgatory(Search())
    let below4GiB = Search(high: 0xffff_ffff)
    memory.forgetTheInterruptTable()
    if header.flags & 2 != 0 {
      try addBuffer(.made, bytes: 24 * memory.entryCount, below4GiB, "memory map")
    }
    try addModules(below4GiB)
    let text = moduleText
    let fixed: UInt64 = 120 + 13  // multiboot_info, "kexec 2.0.25"
    let size = (fixed + namedCommandLine).roundedUp(to: 4) + 16 * UInt64(request.modules.count) + text
    let information = try addBuffer(.made, bytes: size, below4GiB, "boot information")
    enter(entry, 0x2bad_b002, "Multiboot magic", information)
  }

  private mutating func placeAddressFields(_ header: KexecMultiboot) throws(Kexec.Stop) {
    let skipped = UInt64(header.header &- header.load)
    guard header.offset >= skipped else {
      throw Kexec.Stop(
        misbehaves: "reads in front of the file", evidence: "header_addr - load_addr \(hex(skipped))",
        rule: Kexec.rule("the file's first byte is not looked for", "kexec-multiboot-x86.c, multiboot_x86_load"))
    }
    try add(
      .image(header.offset - skipped), bytes: UInt64(header.loadEnd &- header.load), at: UInt64(header.load),
      memorySize: UInt64(header.bssEnd &- header.load), "image", "load_addr \(hex(UInt64(header.load)))")
  }

  /// kexec/arch/i386/kexec-mb2-x86.c, multiboot2_x86_load.
  mutating func multiboot2(_ elf: KexecELF, _ header: KexecMultiboot2) throws(Kexec.Stop) {
    prediction.reading = "multiboot2-x86, \(elf.is64 ? "ELF64" : "ELF32")"
    let entry: UInt64
    if let range = header.relocatable {
      entry = try placeSegments(elf, in: Search(alignment: range.alignment, low: range.low, high: range.high))
    } else {
      entry = try placeSegments(elf)
    }
    let search = Search(low: 0x500)
    try addPurgatory(search)
    memory.forgetTheInterruptTable()
    try addModules(search)
    let size = informationSize(header)
    try checkModuleTags(size)
    let information = try addBuffer(.made, bytes: size, search, "boot information")
    enter(entry, 0x36d7_6289, "Multiboot2 magic", information)
  }

  /// multiboot2_get_mbi_size: head, memory sizes, map, command line, "kexec 2.0.25", modules, end.
  private func informationSize(_ header: KexecMultiboot2) -> UInt64 {
    var size: UInt64 = 8 + 16 + (16 + 24 * memory.entryCount)
    size += 8 + namedCommandLine.roundedUp(to: 8) + 8 + 16
    size += 16 * UInt64(request.modules.count) + moduleText + 8
    if header.relocatable != nil { size += 16 }
    if header.hasFramebuffer { size += 40 }
    return size
  }

  /// Room is kept for the modules' texts as they are, but each tag is padded: where that passes what malloc gives, the
  /// heap is overwritten.
  private func checkModuleTags(_ size: UInt64) throws(Kexec.Stop) {
    let padding = request.modules.reduce(0 as UInt64) { $0 + (8 - textSize($1) % 8) % 8 }
    let given = max(24, (size + 8).roundedUp(to: 16) - 8)
    guard size + padding > given else { return }
    throw Kexec.Stop(
      misbehaves: "corrupts its heap", evidence: "modules' texts need \(padding) bytes of padding",
      rule: Kexec.rule("the padding of module tags is not counted", "kexec-mb2-x86.c, multiboot2_get_mbi_size"))
  }

  private mutating func enter(_ entry: UInt64, _ magic: UInt64, _ name: String, _ information: UInt64) {
    prediction.entry.address = entry & 0xffff_ffff
    prediction.entry.registers = [
      .init("eax", magic, name), .init("ebx", information & 0xffff_ffff, "boot information"),
    ]
  }

  private mutating func addModules(_ search: Search) throws(Kexec.Stop) {
    for (index, module) in request.modules.enumerated() {
      try checkReadable(index)
      try addBuffer(.module(index), bytes: module.size.value, search, "module \(index)")
    }
  }

  /// The image's name, a space and the command line, with the 0 at the end.
  private var namedCommandLine: UInt64 { UInt64(request.imageName.utf8.count) + 1 + (commandLineSize ?? 0) }

  private var moduleText: UInt64 { request.modules.reduce(0 as UInt64) { $0 + textSize($1) } }

  /// `--module="NAME ARGUMENTS"` with the 0 at the end.
  private func textSize(_ module: LoaderRequest.Module) -> UInt64 {
    let arguments = module.arguments.isEmpty ? 0 : UInt64(module.arguments.utf8.count) + 1
    return UInt64(module.name.utf8.count) + 1 + arguments
  }
}
