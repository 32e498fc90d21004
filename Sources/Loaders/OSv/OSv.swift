import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

/// OSv's own way from its disk to its kernel on x86-64, before and after the kernel was moved (cloudius-systems/osv,
/// commit 2a1795db of June 2019).
///
/// The boot sector, or the unpacker that it loads, puts the whole file `loader-stripped.elf` at 0x200000, byte for byte:
/// no program header is looked at. The first page of the file, its ELF header, is part of the kernel. The page tables
/// are in the kernel's data.
///
///     before   physical 0x200000 = virtual 0x200000     the tables map the first GiB to itself
///     after    physical 0x200000 = virtual 0x40200000   … and the second GiB to the first as well
public enum OSv {
  public enum Layout: CaseIterable, Hashable, Sendable {
    case low, high

    /// From physical to virtual (kernel_vm_shift).
    public var shift: UInt64 { self == .low ? 0 : 0x4000_0000 }
  }

  static let base: UInt64 = 0x20_0000
  static let bootSource = "OSv, arch/x64/boot16.S"
  static let tableSource = "OSv, arch/x64/boot.S"

  /// What OSv's boot sector does with a kernel file, on a PC.
  public static func load(_ image: RawSpan, _ request: LoaderRequest, layout: Layout) -> LoaderOutcome {
    let slot = layout.entrySlot
    // The far jump takes 32 bits.
    guard let entry = image.wide(UInt32.self, at: slot) else {
      return .misbehaves(
        Misbehaviour(
          "jumps to an address that it reads behind the file", evidence: "\(image.byteCount) bytes",
          rule: Rule("the entry stands at \(hex(slot)) of the file", source: bootSource)))
    }
    let size = UInt64(image.byteCount)
    var prediction = LoadPlan(
      loader: layout == .low ? .osvLow : .osvHigh, reading: "flat file", machine: request.machine,
      entry: state(at: entry))
    prediction.pieces = [
      Piece(
        source: .image(FileRange(uncheckedStart: FileOffset(unchecked: 0), count: ByteCount(size))),
        destination: target(size), owner: "kernel file")
    ]
    prediction.decisions = decisions(layout, entry)
    if !request.machine.isUsable(target(size)) {
      prediction.remarks.append(
        Remark(
          .outsideMemory, "The file's \(hex(size)) bytes from \(hex(base)) are not all in memory.",
          rule: Rule("the memory map is not looked at", source: bootSource)))
    }
    if entry < base || entry - base >= size {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "The entry \(hex(entry)), at \(hex(slot)) of the file, lies in no byte of it.",
          rule: Rule("the entry is not compared with the file", source: bootSource)))
    }
    layout.remarkSegments(of: image, &prediction)
    return .loads(prediction)
  }

  private static func target(_ size: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: base), count: ByteCount(size))
  }

  /// 32-bit protected mode, entered with the ELF header's address.
  private static func state(at entry: UInt64) -> EntryState {
    EntryState(
      mode: .protected32, address: entry,
      registers: [
        .init("eax", base, "ELF header"), .init("ebx", 0x1000, "Multiboot information"),
        .init(unspecified: "cr0", "PE and ET are set"), .init("cs", 0x08, "code, flat"),
        .init("ds", 0x10, "data, flat"), .init("es", 0x10, "data, flat"), .init("fs", 0x10, "data, flat"),
        .init("gs", 0x10, "data, flat"), .init("ss", 0x10, "data, flat"),
      ])
  }

  private static func decisions(_ layout: Layout, _ entry: UInt64) -> [Decision] {
    let mapping =
      layout == .low
      ? "virtual [0x0, 0x40000000) → physical [0x0, 0x40000000)"
      : "virtual [0x0, 0x40000000) and [0x40000000, 0x80000000) → physical [0x0, 0x40000000)"
    return [
      Decision(
        "physical place", choice: hex(base), because: "the boot sector's target; p_paddr is not read: \(bootSource)"),
      Decision(
        "entry", choice: hex(entry),
        because: layout == .low
          ? "e_entry: \(bootSource)" : "start32's address, at 0x800 of the file: OSv, arch-setup.cc"),
      Decision(
        "virtual place", choice: hex(base + layout.shift),
        because: "the kernel's own tables, one page directory of 512 pages of 2 MiB: \(mapping): \(tableSource)"),
      Decision(
        "information", choice: "0x1000",
        because: "Multiboot's memory map is at 0x2000, the command line at 0x7e00: \(bootSource)"),
      Decision(
        "uninitialised data", choice: "the kernel clears it", because: "start64, from .bss to .edata: \(tableSource)"),
    ]
  }
}
