import Addresses
public import KernelImage

extension LinuxImage {
  /// Whether an ELF file is a Linux x86-64 kernel: its segments are linked at `__START_KERNEL_map` above their physical
  /// addresses, and `e_entry` is a physical address that no segment has as a virtual one. Other kernels that share the
  /// link address have a virtual entry point.
  public static func recognises(_ elf: ELFFile) -> Bool {
    guard elf.header.class == .bits64, elf.header.machine == .x86_64, elf.header.type == .executable else {
      return false
    }
    let segments = elf.loadSegments.filter { $0.memorySize > .zero }
    guard let first = segments.min(by: { $0.physicalAddress < $1.physicalAddress }) else { return false }
    let entry = elf.header.entry.value
    let isPhysical = segments.contains {
      entry >= $0.physicalAddress && entry - $0.physicalAddress < $0.memorySize.value
    }
    let isVirtual = segments.contains {
      entry >= $0.virtualAddress.value && entry - $0.virtualAddress.value < $0.memorySize.value
    }
    return first.virtualAddress.value == first.physicalAddress &+ LinuxGeometry.startKernelMap && isPhysical
      && !isVirtual
  }
}
