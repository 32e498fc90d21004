import Addresses
import BootProtocols
import Placement

extension Kexec {
  /// The registers that purgatory sets (kexec/arch/x86_64/kexec-elf-x86_64.c; kexec/arch/i386/kexec-elf-x86.c,
  /// kexec-multiboot-x86.c). Where notes and parameters lie depends on kexec's own parts.
  static func registers(of type: FileType, _ arguments: Arguments) -> [EntryState.Register] {
    switch (type, arguments) {
    case (.multiboot, _):
      [
        .init("eax", 0x2bad_b002, "Multiboot magic"),
        .init(unspecified: "ebx", "boot information, in the lowest hole"),
      ]
    case (.bzImage64, _):
      [.init("rbx", 0, "bootstrap processor"), .init(unspecified: "rsi", "zero page")]
    case (.elf64, .elf): [.init(unspecified: "rdi", "ELF boot notes"), .init(unspecified: "rsp", "purgatory's stack")]
    case (.elf64, .linux):
      [
        .init("rbx", 0, "bootstrap processor"), .init(unspecified: "rsi", "zero page"),
        .init(unspecified: "rsp", "purgatory's stack"),
      ]
    case (.elf32, .elf): [.init(unspecified: "esp", "return address 0, then the ELF boot notes")]
    case (.elf32, .linux):
      [
        .init("ebx", 0, "bootstrap processor"), .init(unspecified: "esi", "zero page"),
        .init(unspecified: "esp", "purgatory's stack"),
      ]
    case (_, .none): [.init(unspecified: "rsp", "whatever the old kernel left")]
    }
  }

  /// What is handed over with the kernel.
  static func note(
    _ request: LoaderRequest, _ type: FileType, _ arguments: Arguments, _ prediction: inout LoadPlan
  ) {
    if type == .elf64, arguments == .none {
      for (index, module) in request.modules.enumerated() {
        prediction.remarks.append(
          Remark(
            .moduleIgnored, "module \(index), \(module.name): --args-none hands nothing over.",
            rule: rule("--args-none jumps to e_entry, without purgatory", "kexec-elf-x86_64.c, elf_x86_64_load")))
      }
      return
    }
    prediction.decisions.append(
      Decision(
        "purgatory, notes, parameters and modules", choice: "not predicted",
        because: "kexec puts its own parts into the lowest holes around the kernel, by sizes that a build decides: "
          + "kexec-tools, kexec/kexec.c, add_buffer"))
  }

  /// kexec never looks where the entry lies.
  static func noteEntry(_ field: UInt64, _ entry: UInt64, _ prediction: inout LoadPlan) {
    let isInside = prediction.pieces.contains { $0.extent.contains(PhysicalAddress(unchecked: entry)) }
    guard !isInside else { return }
    prediction.remarks.append(
      Remark(
        .entryOutsideImage, "e_entry \(hex(field)): the entry \(hex(entry)) lies in no segment.",
        rule: rule("e_entry is physical and taken as it is", "kexec/kexec-elf-exec.c, elf_exec_load")))
  }
}
