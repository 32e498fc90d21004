import Addresses
import BootProtocols
import CHost
import KernelImage

extension KVMMachine {
  /// The processor's registers: before ``run()`` those of the plan, after it those at the end.
  ///
  /// - Throws: ``MachineError/system(call:errno:)``.
  public func registers() throws(MachineError) -> RegisterDump {
    var found = perch_kvm_registers()
    // SAFETY: the call fills a structure that lives through it.
    guard unsafe perch_kvm_machine_get_registers(&machine, &found) == 0 else { throw failure("KVM_GET_SREGS") }
    return RegisterDump(found)
  }

  /// Puts the processor at a plan's entry. What the state does not list is zero: LDTR and the interrupt table, so that
  /// an exception before the kernel has its own is a triple fault.
  func enter(_ state: LongModeState) throws(MachineError) {
    guard let code = perch_kvm_segment(state.codeSelector), let data = perch_kvm_segment(state.dataSelector) else {
      throw MachineError.notConfigured("selectors of the plan's descriptor table")
    }
    var wanted = perch_kvm_registers(state.registers)
    (wanted.rip, wanted.rflags) = (state.rip.value, state.rflags)
    (wanted.cr0, wanted.cr3, wanted.cr4, wanted.efer) = (state.cr0, state.cr3.value, state.cr4, state.efer)
    (wanted.cs, wanted.ds, wanted.es, wanted.ss, wanted.fs, wanted.gs) = (code, data, data, data, data, data)
    wanted.gdt = perch_kvm_descriptor_table(base: state.gdtBase, limit: state.gdtLimit)
    // SAFETY: the call reads a structure that lives through it.
    guard unsafe perch_kvm_machine_set_registers(&machine, &wanted) == 0 else { throw failure() }
    let (asked, taken) = (RegisterDump(wanted), try registers())
    // The hidden parts of the segments are left out: processors keep them each in its way.
    guard asked.summary == taken.summary, asked.general == taken.general else {
      throw MachineError.unexpectedAnswer(channel: "KVM", to: asked.summary, found: taken.summary)
    }
  }

  /// Whether the instruction of one byte that was stepped over is HLT (f4).
  func wasHalt() throws(MachineError) -> Bool {
    var (address, place) = (machine.next &- 1, UInt64.max)
    // SAFETY: the call reads one address and writes one result. The instruction was fetched through the same tables.
    guard unsafe perch_kvm_translator_translate(&machine.base, &address, &place, 1) == 0 else {
      throw failure("KVM_TRANSLATE")
    }
    guard let physical = try? PhysicalAddress(checking: place) else { return false }
    let byte = PhysicalRange(uncheckedStart: physical, count: ByteCount(1))
    return memory.withBytes(of: byte) { $0.load(UInt8.self, at: 0) == 0xf4 } ?? false
  }

  /// What the system refused: the call that the C half was at, where `call` does not say it better.
  func failure(_ call: String? = nil) -> MachineError {
    MachineError.system(call: call ?? machine.base.call ?? "KVM_RUN", errno: machine.base.error)
  }

  /// Why KVM cannot go on (Linux, include/uapi/linux/kvm.h, KVM_EXIT_ and KVM_INTERNAL_ERROR_).
  var stop: String {
    switch (machine.exit_reason, machine.detail) {
    case (9, let reason): "KVM_EXIT_FAIL_ENTRY, the processor's reason \(hexadecimal(reason))"
    case (17, 1): "KVM_EXIT_INTERNAL_ERROR, an instruction that cannot be emulated"
    case (17, let suberror): "KVM_EXIT_INTERNAL_ERROR, suberror \(suberror)"
    case (let reason, _): "exit reason \(reason)"
    }
  }
}

extension perch_kvm_segment {
  /// What the processor loads for a selector of the plan's descriptor table; nil for one that is not in it.
  fileprivate init?(_ selector: UInt16) {
    let descriptors = GlobalDescriptorTable.descriptors
    guard selector & 7 == 0, selector >= 8, Int(selector / 8) < descriptors.count else { return nil }
    let descriptor = descriptors[Int(selector / 8)]
    let (low, high) = (UInt32(truncatingIfNeeded: descriptor), UInt32(descriptor >> 32))
    // Intel SDM vol. 3A, 3.4.5: the limit counts pages of 4 KiB where G (bit 23) is set.
    let limit = low & 0xffff | high & 0xf_0000
    self.init(
      base: UInt64(low >> 16 | (high & 0xff) << 16 | high & 0xff00_0000),
      limit: high & 1 << 23 == 0 ? limit : limit << 12 | 0xfff, attributes: high & 0x00f0_ff00, selector: selector)
  }
}

extension perch_kvm_registers {
  fileprivate init(_ general: LongModeState.GeneralRegisters) {
    self.init()
    (rax, rcx, rdx, rbx) = (general.rax, general.rcx, general.rdx, general.rbx)
    (rsp, rbp, rsi, rdi) = (general.rsp, general.rbp, general.rsi, general.rdi)
    (r8, r9, r10, r11) = (general.r8, general.r9, general.r10, general.r11)
    (r12, r13, r14, r15) = (general.r12, general.r13, general.r14, general.r15)
  }

  fileprivate var general: LongModeState.GeneralRegisters {
    var general = LongModeState.GeneralRegisters()
    (general.rax, general.rcx, general.rdx, general.rbx) = (rax, rcx, rdx, rbx)
    (general.rsp, general.rbp, general.rsi, general.rdi) = (rsp, rbp, rsi, rdi)
    (general.r8, general.r9, general.r10, general.r11) = (r8, r9, r10, r11)
    (general.r12, general.r13, general.r14, general.r15) = (r12, r13, r14, r15)
    return general
  }
}

extension RegisterDump {
  fileprivate init(_ found: perch_kvm_registers) {
    func segment(_ segment: perch_kvm_segment) -> Segment {
      Segment(
        selector: segment.selector, base: segment.base, limit: segment.limit, attributes: segment.attributes)
    }
    func table(_ table: perch_kvm_descriptor_table) -> DescriptorTable {
      DescriptorTable(base: table.base, limit: UInt32(table.limit))
    }
    self.init(
      general: found.general, rip: found.rip, rflags: found.rflags, es: segment(found.es), cs: segment(found.cs),
      ss: segment(found.ss), ds: segment(found.ds), fs: segment(found.fs), gs: segment(found.gs),
      gdt: table(found.gdt), idt: table(found.idt), cr0: found.cr0, cr2: found.cr2, cr3: found.cr3, cr4: found.cr4,
      efer: found.efer)
  }

  /// One line: where the processor is, and what decides how it goes on.
  var summary: String {
    let fields = [
      ("RIP", rip), ("RFLAGS", rflags), ("RSP", general.rsp), ("CR0", cr0), ("CR2", cr2), ("CR3", cr3), ("CR4", cr4),
      ("EFER", efer), ("CS", UInt64(cs.selector)), ("SS", UInt64(ss.selector)), ("GDT", gdt.base), ("IDT", idt.base),
    ]
    return fields.map { "\($0.0) \(hexadecimal($0.1))" }.joined(separator: ", ")
  }
}

private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
