import Addresses
import BareMachine
import BootProtocols
import LoaderEntry
import Processor

extension HypervisorMemoryMap {
  /// What Xen answers, in this program's memory; nil where this is no Xen, or where it does not answer.
  static func ask() -> HypervisorMemoryMap? {
    guard let leaf = firstLeaf else { return nil }
    // Xen fills the page with a stub of 32 bytes for each call.
    write_model_register(processor_identify(leaf + 2, 0).ebx, UInt64(hypercall_page_address()))
    // struct xen_memory_map (public/memory.h): {u32 nr_entries; u64 buffer}.
    let request = VirtualAddress(UInt64(hypercall_request_address()))
    let entries = UInt64(hypercall_request_address()) + 16
    MappedMemory.setWord(UInt64(hypercall_entry_count()), at: request)
    MappedMemory.setWord(entries, at: VirtualAddress(request.value + 8))
    let memoryOperation: UInt = 12
    let memoryMap: UInt64 = 9
    let answer = call_hypervisor(hypercall_page_address() + memoryOperation * 32, memoryMap, request.value)
    guard answer == 0 else { return nil }
    return HypervisorMemoryMap(start: PhysicalAddress(entries), count: MappedMemory.word(at: request) & 0xffff_ffff)
  }

  /// The first of Xen's CPUID leaves, whose other registers hold "XenVMMXenVMM" (public/arch-x86/cpuid.h). Those of another
  /// interface may come before.
  private static var firstLeaf: UInt32? {
    for leaf in stride(from: 0x4000_0000 as UInt32, to: 0x4001_0000, by: 0x100) {
      let found = processor_identify(leaf, 0)
      if found.ebx == 0x566e_6558, found.ecx == 0x6558_4d4d, found.edx == 0x4d4d_566e { return leaf }
    }
    return nil
  }
}
