import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

/// Xen 4.17 and kernels that start in 32-bit protected mode without paging, by PHYS32_ENTRY.
///
/// For the first domain the request's machine is that domain's physical memory: the host's e820 map with each range of
/// RAM cut to pages and the RAM that `dom0_mem` does not give made unusable ("Dom0 memory map" on the console, before
/// Xen takes room for ACPI tables from its end). With 256 MiB on a PC of 1 GiB that is 0 to 0x9f000 and 0x100000 to
/// 0x10061000, as 0x9f000 + 0xff61000 is 256 MiB. Its command line is what follows the kernel's name in the boot
/// loader's string. A module's string is its name and its arguments with a space between, as QEMU hands it over.
///
/// For other domains, those that libxenguest builds, the usable memory is the domain's, from 0 on, and the map is the
/// one that its `start_info` lists.
///
/// Of a bzImage the image is the unpacked payload: a compressed one is refused, which Xen does not do.
public enum XenPVH {
  /// What the hypervisor does with a kernel for the first domain (`dom0=pvh`), and what its console says about it.
  public static func dom0(_ image: RawSpan, _ request: LoaderRequest) -> XenVerdict {
    var model = XenPVHDom0(request)
    var outcome: LoaderOutcome
    do throws(XenStop) {
      outcome = .loads(try model.load(image))
    } catch {
      switch error {
      case .refuses(let refusal):
        if refusal.words != XenBzImage.ranOut { model.lines.append("Failed to load Dom0 kernel") }
        outcome = .refuses(refusal)
      case .misbehaves(let misbehaviour): outcome = .misbehaves(misbehaviour)
      }
    }
    return XenVerdict(outcome: outcome, arrangement: nil, lines: model.lines, broken: model.elf.broken)
  }

  /// The prediction for the first domain alone, in the form of the other loaders.
  public static func load(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    dom0(image, request).outcome
  }

  static var source: String { "Xen 4.17, xen/arch/x86/hvm/dom0_build.c" }

  /// The state at the first instruction (docs/misc/pvh.pandoc; `pvh_setup_cpus`). What the specification leaves open is
  /// zero, as `arch_set_info_hvm_guest` copies a context that is zero elsewhere.
  static func state(entry: UInt64, startInfo: UInt64) -> EntryState {
    var registers: [EntryState.Register] = [
      .init("eip", entry, "PHYS32_ENTRY"), .init("ebx", startInfo, "start information"),
      .init("cr0", 0x11, "protected mode without paging"), .init("cr3", 0, ""), .init("cr4", 0, ""),
      .init("eflags", 2, "interrupts off"), .init("cs", 0, "flat code, attributes 0xc9b"),
    ]
    registers += ["ds", "es", "ss"].map { .init($0, 0, "flat data, attributes 0xc93") }
    registers += ["fs", "gs"].map { .init($0, 0, "null") }
    registers.append(.init("tr", 0, "busy 32-bit task, base 0, limit 0x67"))
    registers += ["eax", "ecx", "edx", "esp", "ebp", "esi", "edi"].map { .init($0, 0, "zero; not promised") }
    return EntryState(mode: .protected32, address: entry, registers: registers)
  }
}

/// Memory as the second translation of a guest maps it: whole pages.
struct XenGuestMemory {
  let ranges: [Range<UInt64>]

  init(_ machine: MemoryMap) {
    ranges = machine.usable.compactMap {
      let start = $0.start.value.roundedUp(to: 4096)
      let end = $0.endValue & ~4095
      return start < end ? start..<end : nil
    }
  }

  /// Bytes of memory from an address on, without a gap.
  func run(from address: UInt64) -> UInt64 {
    ranges.first { $0.contains(address) }.map { $0.upperBound - address } ?? 0
  }

  /// The last byte and one of the range that Xen takes ACPI tables from: the highest that ends below 4 GiB and has a page
  /// above 1 MiB (`pvh_steal_ram`).
  var tablesEnd: UInt64? {
    ranges.last { $0.upperBound <= 1 << 32 && $0.upperBound - 4096 >= max($0.lowerBound, 1 << 20) }?.upperBound
  }
}
