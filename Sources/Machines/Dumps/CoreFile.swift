import Addresses
import KernelImage

/// What an ELF core says about physical memory (System V gABI, ch. 4 and 5; QEMU, dump/dump.c).
///
/// `ELFFile` does not fit: it holds files to the gABI, and QEMU 7.2 writes 8, the size of a pointer, into e_ehsize, and
/// an offset of -1 into a PT_LOAD that has no bytes.
struct CoreFile {
  /// A PT_LOAD with bytes in the file.
  struct Segment {
    /// p_paddr.
    let physicalAddress: UInt64
    /// p_offset and p_filesz, inside the file.
    let bytes: FileRange
  }

  /// A note: whose it is, n_type, and its descriptor inside the file.
  struct Note {
    let isQEMU: Bool
    let type: UInt32
    let descriptor: FileRange
  }

  let elfClass: ELFClass
  /// e_machine.
  let machine: Machine
  /// In file order.
  private(set) var segments: [Segment] = []
  /// Of the owners "CORE" and "QEMU", in file order.
  private(set) var notes: [Note] = []
  /// The notes of every owner that were gone through: segments may show the same bytes again and again.
  var noteCount = 0
  /// The registers of each processor, in file order.
  private(set) var processors: [DumpRegisters] = []

  /// The most program headers that are read: what e_phnum can count, and a few that need PN_XNUM.
  static let programHeaderLimit: UInt64 = 65_536
  /// The most notes that are read: seven for each of some thousand processors.
  static let noteLimit = 65_536

  init(elfClass: ELFClass, machine: Machine) {
    self.elfClass = elfClass
    self.machine = machine
  }

  mutating func append(_ segment: Segment) { segments.append(segment) }
  mutating func append(_ note: Note) { notes.append(note) }
  mutating func set(_ processors: [DumpRegisters]) { self.processors = processors }
}
