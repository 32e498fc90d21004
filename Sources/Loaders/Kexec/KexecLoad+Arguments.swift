import BootProtocols
import KernelImage
import Placement

/// What an ELF kernel gets with it (kexec/arch/x86_64/kexec-elf-x86_64.c; kexec/arch/i386/kexec-elf-x86.c).
extension KexecLoad {
  mutating func elf64(_ elf: KexecELF) throws(Kexec.Stop) {
    prediction.reading = "elf-x86_64, \(elf.is64 ? "ELF64" : "ELF32"), \(arguments.rawValue)"
    prediction.entry.mode = .long64
    prediction.entry.address = try placeSegments(elf)
    switch arguments {
    case .none:
      prediction.entry.registers = [.init(unspecified: "rsp", "whatever the old kernel left")]
      ignoreModules(
        from: 0, "--args-none hands nothing over",
        Kexec.rule("--args-none jumps to e_entry, without purgatory", "kexec-elf-x86_64.c, elf_x86_64_load"))
    case .elf:
      try addPurgatory(Search())
      let notes = try addNotes(elf, commandLine: commandLineSize ?? 0)
      prediction.entry.registers = [.init("rdi", notes, "ELF boot notes"), stack("rsp")]
      try refuseModules("kexec-elf-x86_64.c, elf_x86_64_load")
    case .linux:
      try addPurgatory(Search())
      let block = try addParameters(elf, memorySize: 0x16ec)
      prediction.entry.registers = [
        .init("rbx", 0, "bootstrap processor"), .init("rsi", block, "zero page"), stack("rsp"),
      ]
    }
  }

  mutating func elf32(_ elf: KexecELF) throws(Kexec.Stop) {
    guard arguments != .none else {
      throw Kexec.Stop(
        "--args-none only works on arch i386", evidence: "e_machine \(elf.machine)",
        rule: Kexec.rule("a 64-bit kexec cannot start a 32-bit kernel without purgatory", "kexec-elf-x86.c"))
    }
    prediction.reading = "elf-x86, \(elf.is64 ? "ELF64" : "ELF32"), \(arguments.rawValue)"
    prediction.entry.address = try placeSegments(elf) & 0xffff_ffff
    try addPurgatory(Search())
    if arguments == .elf {
      // Unlike elf-x86_64, no command line is an empty one here.
      let notes = try addNotes(elf, commandLine: commandLineSize ?? 1)
      prediction.entry.registers = [
        .init("esp", purgatoryStack &- 8, "stack_arg32_2: return address 0, then the ELF boot notes at \(hex(notes))")
      ]
      return try refuseModules("kexec-elf-x86.c, elf_x86_load")
    }
    // Bloated against kernels that write behind their own .bss.
    let block = try addParameters(elf, memorySize: 0x4000)
    prediction.entry.registers = [
      .init("ebx", 0, "bootstrap processor"), .init("esi", block, "zero page"), stack("esp"),
    ]
  }

  private func stack(_ name: String) -> EntryState.Register { .init(name, purgatoryStack, "purgatory's stack") }

  /// With the 0 at its end; nil without `--append`.
  var commandLineSize: UInt64? {
    request.commandLine.isEmpty ? nil : UInt64(request.commandLine.utf8.count) + 1
  }

  /// kexec/kexec-elf-boot.c, elf_boot_notes: 0x40 bytes without the command line.
  private mutating func addNotes(_ elf: KexecELF, commandLine: UInt64) throws(Kexec.Stop) -> UInt64 {
    try addBuffer(
      .made, bytes: 0x40 + commandLine.roundedUp(to: 4), Search(high: elf.greatestAddress), "ELF boot notes")
  }

  /// The parameter block of 0xeec bytes and 2048 for the command line, then the initrd.
  private mutating func addParameters(_ elf: KexecELF, memorySize: UInt64) throws(Kexec.Stop) -> UInt64 {
    let block = try addBuffer(
      .made, bytes: 0x16ec, memorySize: memorySize, Search(high: elf.greatestAddress), "parameters")
    if !request.modules.isEmpty { try checkReadable(0) }
    try addInitrdAndSeed(through: KexecBzImage.greatestInitrd)
    ignoreModules(from: 1, "only one initrd is taken", Kexec.rule("one --initrd", "x86-linux-setup.c"))
    return block
  }

  private func refuseModules(_ function: String) throws(Kexec.Stop) {
    guard let first = request.modules.first else { return }
    throw Kexec.Stop(
      "Ramdisks not supported with generic elf arguments", evidence: "module 0, \(first.name)",
      rule: Kexec.rule("--args-elf hands over notes only", function))
  }
}
