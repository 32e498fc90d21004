public import Addresses
public import KernelImage
import Placement

/// Linux's own x86-64 decompressor: what the code in front of the payload of a bzImage does with the payload that it has
/// unpacked (arch/x86/boot/compressed). The rules are those of Linux 6.6 to 6.14, which stable kernels from 6.1.84 on share.
///
///     loaded at        output                          output + init_size        a slot
///     ├ wrapper ┤ ···  ├── unpacked ELF, table ─┬──────┤  ···                    ├── segments by p_paddr ──┤
///                         and workspace         └ the wrapper, copied here
///
/// It checks the magic, moves each PT_LOAD segment by p_paddr within the very buffer that holds the file, clears nothing,
/// and adds a drawn slide to the words that the table behind the ELF file names.
public enum Decompressor {
  /// What the bzImage's setup header says, and what the boot loader did, where the payload cannot tell.
  public struct Setup: Hashable, Sendable {
    /// Where the protected-mode code of the bzImage was loaded.
    public var loadAddress = PhysicalAddress(0x10_0000)
    /// `pref_address`, which is LOAD_PHYSICAL_ADDR: the lowest p_paddr of the kernel as it was linked.
    public var linkedAddress: UInt64 = 0x100_0000
    /// `kernel_alignment` as the boot loader left it, in bytes.
    public var alignment: UInt64 = 0x20_0000
    /// CONFIG_PHYSICAL_ALIGN, the step of the slots, in bytes.
    public var slotAlignment: UInt64 = 0x20_0000
    /// `init_size` in bytes; nil for the least that this payload can have.
    public var initSize: UInt64?
    /// BOOT_HEAP_SIZE in bytes: 64 KiB, but 192 KiB for zstd and 4 MiB for bzip2 (arch/x86/include/asm/boot.h).
    public var heapSize: UInt64 = 0x1_0000
    /// Where the zero page, the command line, the initial RAM disk and each setup_data node lie.
    public var handedOver: [PhysicalRange] = []

    public init() {}
  }

  /// What it does with a payload: the ELF file and, where the kernel can be slid, its relocation table.
  ///
  /// With KASLR the pieces stand where they would without, and remarks say what is drawn: `physicalSlots` and
  /// `virtualSlots` list the places.
  public static func load(_ payload: RawSpan, setup: Setup, _ request: LoaderRequest) -> LoaderOutcome {
    do throws(Stop) {
      return .loads(try Unpacking(payload, setup, request).predict(payload))
    } catch {
      return error.outcome
    }
  }

  /// What it does with a payload whose bzImage QEMU's `-kernel` has loaded.
  public static func load(_ payload: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    load(payload, setup: Setup(qemu: request), request)
  }

  /// The physical places that KASLR draws from; none where it keeps the place that the kernel has without it.
  public static func physicalSlots(
    of payload: RawSpan, setup: Setup, _ request: LoaderRequest
  ) -> Slots<PhysicalAddress> {
    let unpacking = Unpacking(payload, setup, request)
    return unpacking.isRandomized ? unpacking.physicalSlots : Slots(step: setup.slotAlignment)
  }

  /// The virtual addresses of the image's first byte that KASLR draws from, the linked one first. That one alone where
  /// there is no KASLR.
  public static func virtualSlots(
    of payload: RawSpan, setup: Setup, _ request: LoaderRequest
  ) -> Slots<VirtualAddress> {
    Unpacking(payload, setup, request).virtualSlots
  }

  /// Why it does not load.
  struct Stop: Error {
    let outcome: LoaderOutcome

    init(_ words: String, evidence: String, rule: Rule) {
      outcome = .refuses(Refusal(words, evidence: evidence, rule: rule))
    }

    init(misbehaves effect: String, evidence: String, rule: Rule) {
      outcome = .misbehaves(Misbehaviour(effect, evidence: evidence, rule: rule))
    }
  }

  static func rule(_ text: String, _ file: String = "misc.c, parse_elf") -> Rule {
    Rule(text, source: "Linux 6.1.84 and 6.6, arch/x86/boot/compressed/\(file)")
  }

  /// `__START_KERNEL_map` (arch/x86/include/asm/page_64_types.h).
  static var startKernelMap: UInt64 { 0xffff_ffff_8000_0000 }
  /// MIN_KERNEL_ALIGN on x86-64: what a page-middle-directory entry maps.
  static var leastAlignment: UInt64 { 0x20_0000 }
  /// MAXMEM with four levels of page tables; with five it is 2^52, more than any machine of today has.
  static var greatestMemory: UInt64 { 1 << 46 }
}

extension Decompressor.Setup {
  /// As QEMU's `-kernel` hands over on `pc`: the setup code with its zero page at 0x10000, the command line at 0x20000, the
  /// initial RAM disk at the end of memory, where the option ROM moves it.
  public init(qemu request: LoaderRequest) {
    handedOver = [Self.range(0x1_0000, 0x1_0000), Self.range(0x2_0000, UInt64(request.commandLine.utf8.count) + 1)]
    let memory = QEMUMemory(x86: request.machine)
    guard let module = request.modules.first, module.size.value > 0, memory.end > QEMULinux.tables,
      (try? QEMULinux.modulePlace(module, limit: memory.end - QEMULinux.tables - 1)) != nil
    else { return }
    handedOver.append(Self.range(QEMULinux.movedModulePlace(module, memory), module.size.value))
  }

  /// The same with the numbers of a bzImage.
  public init(qemu request: LoaderRequest, header: SetupHeader) {
    self.init(qemu: request)
    linkedAddress = header.preferredAddress ?? linkedAddress
    alignment = UInt64(header.kernelAlignment ?? 0x20_0000)
    initSize = header.initSize.map { UInt64($0) }
  }

  private static func range(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(count))
  }
}
