import AddressSpace
import Addresses
import BootProtocols
import Placement

/// The places of three guests.
///
///     Firecracker, AArch64         0x80000000  system data   0x80200000  kernel   …   end - 2 MiB  device tree
///     Cloud Hypervisor, AArch64    0x40000000  device tree   0x40200000  ACPI         0x40400000  kernel
///     Cloud Hypervisor, RISC-V     0x40000000  device tree   0x40200000  kernel
extension LinuxLoader.ImageMonitor {
  var loader: LoaderName {
    switch self {
    case .firecrackerAArch64: .firecrackerAArch64
    case .cloudHypervisorAArch64: .cloudHypervisorAArch64
    case .cloudHypervisorRISCV: .cloudHypervisorRISCV
    }
  }

  var source: String {
    switch self {
    case .firecrackerAArch64: "Firecracker, src/vmm/src/arch/aarch64/mod.rs"
    case .cloudHypervisorAArch64: "Cloud Hypervisor, arch/src/aarch64/mod.rs"
    case .cloudHypervisorRISCV: "Cloud Hypervisor, arch/src/riscv64/mod.rs"
    }
  }

  /// What stands at 56: magic on AArch64, magic2 on RISC-V.
  var magic: UInt32 { self == .cloudHypervisorRISCV ? 0x0543_5352 : 0x644d_5241 }

  /// What text_offset is added to.
  var base: UInt64 {
    switch self {
    case .firecrackerAArch64: 0x8020_0000
    case .cloudHypervisorAArch64: 0x4040_0000
    // KERNEL_START, 0x40010000, rounded up to 2 MiB.
    case .cloudHypervisorRISCV: 0x4020_0000
    }
  }

  /// The most that the device tree takes (FDT_MAX_SIZE).
  var treeRoom: UInt64 { self == .cloudHypervisorRISCV ? 0x1_0000 : 0x20_0000 }

  /// Where Cloud Hypervisor's device tree is, whatever the kernel.
  var firmwareTree: UInt64 { 0x4000_0000 }

  var treeRule: String {
    self == .firecrackerAArch64
      ? "2 MiB below the end of memory, or its start where it is smaller: Firecracker, get_fdt_addr"
      : "the start of memory: Cloud Hypervisor, layout.rs, FDT_START"
  }

  func tree(in machine: MemoryMap) -> UInt64 {
    guard self == .firecrackerAArch64 else { return firmwareTree }
    guard let memory = machine.usable.first, memory.count.value >= treeRoom else { return 0x8000_0000 }
    return memory.endValue &- treeRoom
  }

  func entry(at address: UInt64, tree: UInt64) -> EntryState {
    if self == .cloudHypervisorRISCV {
      return EntryState(
        mode: .riscvSupervisor, address: address,
        registers: [.init("a0", 0, "hart"), .init("a1", tree, "device tree"), .init("satp", 0, "no paging")])
    }
    return EntryState(
      mode: .aarch64EL1, address: address,
      registers: [
        .init("x0", tree, "device tree"), .init("x1", 0, "reserved"), .init("x2", 0, "reserved"),
        .init("x3", 0, "reserved"), .init("pstate", 0x3c5, "EL1h, D, A, I and F masked"),
      ])
  }
}
