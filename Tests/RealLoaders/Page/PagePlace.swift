import AddressSpace
import Addresses
import KernelImage
import Loaders
import Placement

/// The machine that a loader is asked for on the page, and where its kernels lie there.
struct PagePlace {
  /// Where its memory starts.
  private let memory: UInt64
  /// What p_paddr of the image's text is.
  let base: UInt64
  /// Xen of 2006, whose images carry a string, and in p_paddr what became p_vaddr.
  let isStringXen: Bool
  let isOSv: Bool

  init(_ loader: LoaderName) {
    switch loader {
    case .qemuAArch64, .arm64Image, .cloudHypervisorAArch64, .cloudHypervisorRISCV: memory = 0x4000_0000
    case .qemuRISCV, .riscvImage, .firecrackerAArch64: memory = 0x8000_0000
    default: memory = 0
    }
    isStringXen =
      switch loader {
      case .xenPV2006March, .xenPV2006May11, .xenPV2006May21, .xenPV2006August, .xenDomU2006March, .xenDomU2006May11,
        .xenDomU2006May21, .xenDomU2006August:
        true
      default: false
      }
    isOSv = loader == .osvLow || loader == .osvHigh
    // OSv's file is copied whole to 2 MiB; the text stands 4 KiB behind its start.
    base = isOSv ? 0x20_1000 : memory + (isStringXen ? 0x1_0000_0000 : 0) + 0x100_0000
  }

  func machine(_ elfClass: ELFClass) -> Machine {
    switch memory {
    case 0x4000_0000: .aarch64
    case 0x8000_0000: .riscv
    default: elfClass == .bits64 ? .x86_64 : .i386
    }
  }

  /// 1 GiB of memory; on a PC with the hole below 1 MiB.
  func request(modules: Int) -> LoaderRequest {
    func usable(_ start: UInt64, _ count: UInt64) -> MemoryMap.Entry {
      MemoryMap.Entry(
        range: PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count)), kind: .usable)
    }
    let entries =
      memory == 0
      ? [usable(0, 0x9fc00), usable(0x10_0000, 0x3fe0_0000)] : [usable(memory, 0x4000_0000)]
    return LoaderRequest(
      machine: MemoryMap(normalising: entries),
      modules: (0..<modules).map { .init(name: "module\($0)", size: ByteCount(0x1234)) })
  }
}
