import Addresses
import KernelImage
import TestSupport
import Testing

@testable import Machines

/// A QEMUCPUState of version 1 whose words count up: the word at offset o is o (QEMU, target/i386/arch_dump.c).
func state(version: UInt8 = 1, size: Int = 440) -> [UInt8] {
  [version, 0, 0, 0, UInt8(size & 0xff), UInt8(size >> 8), 0, 0] + counting(from: 8, to: 440)
}

/// 64-bit words that hold their own offset.
func counting(from start: Int, to end: Int) -> [UInt8] {
  stride(from: start, to: end, by: 8).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8), 0, 0, 0, 0, 0, 0] }
}

/// Where the parts of an ELF file written by `ELFBuilder` end.
struct ELFLayout {
  /// The end of the last segment with bytes, in file order.
  let last: Int?

  init(_ bytes: [UInt8]) throws {
    let file = try bytes.withRawSpan { span throws(ParseError) in try ELFFile(parsing: span) }
    last = file.programHeaders.map { Int($0.fileRange.endValue) }.max()
  }
}

/// Notes that were written by hand, against the offsets in Linux's and QEMU's structures.
@Suite struct DumpRegistersTests {
  private func image(_ builder: ELFBuilder) throws -> MemoryImage {
    let folder = try DumpFolder()
    return try MemoryImage(core: folder.write(builder.build()))
  }

  @Test func qemusNoteIsPreferred() throws {
    let image = try image(
      ELFBuilder(type: .core, machine: .x86_64)
        .note(owner: "CORE", type: 1, descriptor: counting(from: 0, to: 336))
        .note(owner: "QEMU", type: 0, descriptor: state())
        .note(owner: "CORE", type: 1, descriptor: counting(from: 0, to: 336))
        .note(owner: "QEMU", type: 0, descriptor: state())
        .note(owner: "VMCOREINFO", type: 0, descriptor: [1, 2, 3]))
    #expect(image.processors.count == 2)
    guard case .x86(let registers) = image.registers, let system = registers.system else {
      Issue.record("no state")
      return
    }
    #expect((registers.general.rax, registers.general.rsp, registers.general.rbp) == (8, 56, 64))
    #expect((registers.general.r8, registers.general.r15) == (72, 128))
    #expect((registers.rip, registers.rflags) == (136, 144))
    // cs at 152: selector and limit in the first word, flags in the second, base in the third.
    #expect(system.cs == .init(selector: 152, base: 168, limit: 0, attributes: 160))
    #expect((system.ds.selector, system.ss.selector) == (176, 272))
    // The ninth and the tenth of the segments, 24 bytes each.
    #expect((system.gdt.base, system.idt.base) == (360, 384))
    #expect((system.cr0, system.cr2, system.cr3, system.cr4) == (392, 408, 416, 424))
  }

  @Test func generalRegistersDoWithoutQEMUsNote() throws {
    let long = try image(
      ELFBuilder(type: .core, machine: .x86_64).note(
        owner: "CORE", type: 1, descriptor: counting(from: 0, to: 336)))
    guard case .x86(let registers) = long.registers else {
      Issue.record("no status")
      return
    }
    // r15 first, rip the 17th, rflags the 19th, rsp the 20th of the words from 112.
    #expect((registers.general.r15, registers.rip, registers.rflags) == (112, 240, 256))
    #expect((registers.general.rsp, registers.general.rax, registers.general.rdi) == (264, 192, 224))
    #expect(registers.system == nil)
    let short = try image(
      ELFBuilder(class: .bits32, type: .core, machine: .i386).note(
        owner: "CORE", type: 1, descriptor: counting(from: 0, to: 144)))
    guard case .x86(let narrow) = short.registers else {
      Issue.record("no status")
      return
    }
    // ebx at 72, eip at 120, eflags at 128; esi and ebp are upper halves here.
    #expect((narrow.general.rbx, narrow.rip, narrow.rflags) == (72, 120, 128))
    #expect((narrow.general.rdx, narrow.general.rdi) == (80, 88))
  }

  @Test func otherMachinesHaveGeneralRegisters() throws {
    let arm = try image(
      ELFBuilder(type: .core, machine: .aarch64).note(
        owner: "CORE", type: 1, descriptor: counting(from: 0, to: 392)))
    guard case .aarch64(let registers) = arm.registers else {
      Issue.record("no status")
      return
    }
    let general: [UInt64] = (0..<31).map { 112 + 8 * $0 }
    #expect(registers.general == general)
    #expect((registers.sp, registers.pc, registers.pstate) == (360, 368, 376))
    let riscv = try image(
      ELFBuilder(type: .core, machine: .riscv).note(
        owner: "CORE", type: 1, descriptor: counting(from: 0, to: 376)))
    guard case .riscv(let words) = riscv.registers else {
      Issue.record("no status")
      return
    }
    #expect(words.pc == 112)
    let rest: [UInt64] = (1..<32).map { 112 + 8 * $0 }
    #expect(words.general == rest)
    let unknown = try image(
      ELFBuilder(type: .core, machine: .s390).note(owner: "CORE", type: 1, descriptor: [1, 2, 3, 4]))
    #expect(unknown.processors.isEmpty)
  }

  @Test func notesThatContradictThemselvesAreRefused() throws {
    let builder = ELFBuilder(type: .core, machine: .x86_64)
    for (descriptor, field) in [
      (Array(state()[..<431]), "QEMUCPUState"), (state(version: 2), "QEMUCPUState: version"),
      (state(size: 431), "QEMUCPUState: size"), (state(size: 441), "QEMUCPUState: size"),
    ] {
      let error = #expect(throws: DumpError.self) {
        try image(builder.note(owner: "QEMU", type: 0, descriptor: descriptor))
      }
      guard case .malformed(_, let evidence) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(evidence.field == field)
    }
    for machine in [KernelImage.Machine.x86_64, .i386, .aarch64, .riscv] {
      #expect(throws: DumpError.self) {
        try image(
          ELFBuilder(type: .core, machine: machine).note(
            owner: "CORE", type: 1, descriptor: [UInt8](repeating: 0, count: 100)))
      }
    }
  }
}
