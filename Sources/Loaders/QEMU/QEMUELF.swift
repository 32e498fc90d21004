import BootProtocols
import KernelImage
import Placement

/// An ELF file as QEMU's generic loader reads it (QEMU 7.2, include/hw/elf_ops.h, load_elf; hw/core/loader.c,
/// load_elf_ram_sym). Sums wrap at the class's width, as there.
struct QEMUELF {
  enum Ending {
    case loaded
    /// The caller's words follow.
    case failed(because: String)
    /// QEMU itself crashes or hangs.
    case misbehaves(Misbehaviour)
  }

  /// The blocks made, also by a file that fails later.
  var roms: [QEMURom] = []
  /// Where it begins, by p_paddr of the segment that holds e_entry; e_entry where none does.
  var entry: UInt64 = 0
  /// Whether a segment's file bytes hold the entry.
  var isEntryInside = false
  /// The lowest address, and the one after the highest.
  var low = UInt64.max
  var high: UInt64 = 0
  /// The sum of what segments take in memory.
  var total: UInt64 = 0
  /// What note 18 says, 0 where there is none.
  var note: UInt64 = 0
  var remarks: [Remark] = []
  var ending = Ending.loaded
  /// Why it is not taken.
  var failure: String? { if case .failed(let reason) = ending { reason } else { nil } }

  /// More segments or notes than this are not followed: QEMU's own work grows with their square.
  static let segmentLimit: UInt64 = 1024
  static let noteLimit = 1 << 20

  static let source = "QEMU 7.2, include/hw/elf_ops.h, load_elf"

  /// - Parameters:
  ///   - machines: the values of e_machine that are taken.
  ///   - wantsNote: whether note 18 is looked for.
  init(_ bytes: RawSpan, machines: [UInt64], wantsNote: Bool = false) {
    if let reason = read(bytes, machines, wantsNote) { ending = .failed(because: reason) }
  }

  /// Why the file is not taken.
  private mutating func read(_ bytes: RawSpan, _ machines: [UInt64], _ wantsNote: Bool) -> String? {
    let header = LenientELF(bytes)
    guard header.hasMagic, header.data == 1 else { return "no little-endian ELF file" }
    guard let count = header.programHeaderCount, let table = header.programHeaderOffset, let machine = header.machine,
      header.sectionNameIndex != nil
    else { return "the file ends in the ELF header" }
    guard machines.contains(machine) else { return "e_machine is \(machine)" }
    entry = header.entry ?? 0
    // load_at() of 0 bytes gives no table.
    guard count > 0 else { return "e_phnum is 0" }
    guard table <= UInt64(Int64.max), bytes.holds(count * header.programHeaderSize, at: table) else {
      return "the file ends in the program headers, e_phoff 0x\(String(table, radix: 16)), e_phnum \(count)"
    }
    var loader = QEMUELFLoader(header: header, wantsNote: wantsNote)
    loader.readSegments(count: count, in: bytes)
    loader.load(bytes, into: &self)
    return nil
  }
}
