import AddressSpace
import Addresses
import BootProtocols
import Placement

extension LinuxLoader {
  /// Picks the boot protocol of an ELF kernel and the processor's state.
  static func enter(_ kernel: ELFKernel, _ request: LoaderRequest, _ monitor: Monitor) throws(Stop) -> LoadPlan {
    var prediction: LoadPlan
    if let entry = kernel.pvhEntry {
      prediction = LoadPlan(
        loader: monitor.loader, reading: "\(monitor.rawValue), ELF, PVH", machine: request.machine,
        entry: pvhState(entry, monitor))
      prediction.decisions = [
        Decision(
          "boot protocol", choice: "PVH", because: "the last PT_NOTE has a Xen note of type 18: \(hex(entry))",
          rejected: [.init("Linux 64-bit at e_entry \(hex(kernel.entry))", "PVH comes first")])
      ]
    } else {
      guard monitor == .firecracker else {
        throw Stop(
          "KernelMissingPvhHeader", evidence: "no PT_NOTE with a Xen note of type 18",
          rule: Rule("an ELF kernel is entered by PVH only", source: "Cloud Hypervisor, vmm/src/vm.rs"))
      }
      prediction = LoadPlan(
        loader: monitor.loader, reading: "Firecracker, ELF, Linux 64-bit", machine: request.machine,
        entry: linux64State(kernel.entry))
      prediction.decisions = [
        Decision("boot protocol", choice: "Linux 64-bit", because: "the last PT_NOTE, if any, has no PVH entry")
      ]
    }
    prediction.pieces = kernel.pieces
    prediction.remarks = kernel.remarks
    noteEntry(&prediction)
    return addMonitorParts(prediction, request, monitor)
  }

  private static var firecracker: String { "Firecracker, src/vmm/src/arch/x86_64/regs.rs" }

  /// 64-bit mode for Linux; the tables map the first GiB to itself.
  static func linux64State(_ entry: UInt64) -> EntryState {
    EntryState(
      mode: .long64, address: entry,
      registers: [
        .init("rsi", 0x7000, "zero page"), .init("rsp", 0x8ff0, "boot stack"), .init("rbp", 0x8ff0, "boot stack"),
        .init("rflags", 2, "interrupts off"), .init("cr3", 0x9000, "PML4"), .init("efer", 0x500, "LME, LMA"),
        .init(unspecified: "cr0", "as KVM resets it, with PE and PG"),
        .init(unspecified: "cr4", "as KVM resets it, with PAE"),
      ] + descriptors)
  }

  /// 32-bit protected mode, paging off. Cloud Hypervisor leaves CR0's ET clear.
  static func pvhState(_ entry: UInt64, _ monitor: Monitor) -> EntryState {
    EntryState(
      mode: .protected32, address: entry,
      registers: [
        .init("ebx", 0x6000, "start information")
      ] + protectedMode(monitor))
  }

  static func protectedMode(_ monitor: Monitor) -> [EntryState.Register] {
    [
      .init("cr0", monitor == .firecracker ? 0x11 : 0x1, monitor == .firecracker ? "PE, ET" : "PE"),
      .init("cr4", 0, "nothing on"), .init("eflags", 2, "interrupts off"),
    ] + descriptors
  }

  /// Where the descriptor tables lie, with limits 31 and 7, and the selectors of the entries 1, 2 and 3.
  private static var descriptors: [EntryState.Register] {
    [
      .init("gdtr", 0x500, "descriptor table"), .init("idtr", 0x520, "interrupt table"),
      .init("cs", 0x08, "code, flat"), .init("ds", 0x10, "data, flat"), .init("ss", 0x10, "data, flat"),
      .init("tr", 0x18, "task state"),
    ]
  }

  private static func noteEntry(_ prediction: inout LoadPlan) {
    let entry = prediction.entry.address
    if !prediction.pieces.contains(where: { $0.destination.contains(PhysicalAddress(unchecked: entry)) }) {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "The entry \(hex(entry)) lies in no byte that was read.",
          rule: rule("e_entry and the PVH note are taken as they are, without translation")))
    }
    if prediction.entry.mode == .long64, entry >= 1 << 30 {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "The entry \(hex(entry)) is not mapped: the first fetch faults.",
          rule: Rule("the page tables map the first GiB to itself, and nothing else", source: firecracker)))
    }
  }

  /// What the monitor writes beside the kernel: command line, descriptor table, page tables, initrd.
  static func addMonitorParts(
    _ prediction: LoadPlan, _ request: LoaderRequest, _ monitor: Monitor
  ) -> LoadPlan {
    var prediction = prediction
    if prediction.entry.mode == .long64 {
      add(descriptorTable([0, 0xaf9b_0000_00ff_ff, 0xcf93_0000_00ff_ff, 0x8f8b_0000_00ff_ff]), "GDT", at: 0x500)
      add(pageTables, "page tables", at: 0x9000)
    } else {
      add(descriptorTable([0, 0xcf9b_0000_00ff_ff, 0xcf93_0000_00ff_ff, 0x008b_0000_0000_67]), "GDT", at: 0x500)
    }
    add(Array(request.commandLine.utf8) + [0], "command line", at: 0x20000)
    prediction.decisions += information(prediction, monitor)
    addInitrd(request, &prediction)
    return prediction

    func add(_ bytes: [UInt8], _ name: String, at address: UInt64) {
      prediction.pieces.append(
        Piece(
          source: .blob(prediction.blobs.count),
          destination: PhysicalRange(
            uncheckedStart: PhysicalAddress(unchecked: address), count: ByteCount(UInt64(bytes.count))), owner: name))
      prediction.blobs.append(Blob(name: name, bytes: bytes))
    }
  }

  /// What the kernel is told, and where: its bytes depend on the monitor's devices.
  private static func information(_ prediction: LoadPlan, _ monitor: Monitor) -> [Decision] {
    let source = monitor == .firecracker ? firecracker : "Cloud Hypervisor, arch/src/x86_64/layout.rs"
    let isPVH = prediction.entry.registers.contains { $0.name == "ebx" }
    return [
      isPVH
        ? Decision(
          "start information", choice: "0x6000",
          because: "its modules follow at 0x6040, the memory map at 0x7000: \(source)")
        : Decision("zero page", choice: "0x7000", because: "the command line it names is at 0x20000: \(source)"),
      Decision(
        "ACPI tables", choice: monitor == .firecracker ? "0xe0000" : "0xa0000",
        because: "the monitor's place for the RSDP; the MP table is at 0x9fc00: \(source)"),
    ]
  }

  /// The first module ends below the end of the first range of RAM, at a page; others are not handed over.
  private static func addInitrd(_ request: LoaderRequest, _ prediction: inout LoadPlan) {
    for (index, module) in request.modules.enumerated().dropFirst() {
      prediction.remarks.append(
        Remark(
          .moduleIgnored, "module \(index), \(module.name): there is room for one initrd.",
          rule: Rule("one initrd", source: "Firecracker and Cloud Hypervisor, configuration")))
    }
    guard let module = request.modules.first, let region = request.machine.usable.first else { return }
    guard module.size <= region.count else { return }
    let start = (region.endValue - module.size.value) & ~4095
    prediction.pieces.append(
      Piece(
        source: .module(0),
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: module.size),
        owner: "initrd"))
  }

  private static func descriptorTable(_ entries: [UInt64]) -> [UInt8] { littleEndian(entries) }

  /// Firecracker's PML4, page directory pointers and page directory: 512 pages of 2 MiB.
  private static var pageTables: [UInt8] {
    var words = [UInt64](repeating: 0, count: 3 * 512)
    words[0] = 0xa003
    words[512] = 0xb003
    for index in 0..<512 { words[1024 + index] = UInt64(index) << 21 | 0x83 }
    return littleEndian(words)
  }

  private static func littleEndian(_ words: [UInt64]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.count * 8)
    for word in words {
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
    }
    return bytes
  }
}
