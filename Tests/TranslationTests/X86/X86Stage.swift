import Perch
import TestSupport

@testable import Machines

/// The physical memory of a machine to be: tables, and frames whose words say where they are.
///
///     16 MiB          …             128 MiB           160 MiB
///     ├─ tables ──────┤ free ────────┤ marked frames ──┤
struct X86Stage {
  static let marked = PhysicalRange(uncheckedStart: PhysicalAddress(0x800_0000), count: .mebibytes(32))

  let memory: X86FileTables
  /// Where the next table goes.
  private(set) var next = ProbeGuest.x86.free

  init() throws { memory = try X86FileTables(size: .mebibytes(256)) }

  /// What the probe guest needs of tested tables for itself, besides them.
  static let window = VirtualRange(uncheckedStart: VirtualAddress(0), count: .mebibytes(4))

  static func addWindow(to space: inout AddressSpace) throws {
    for (start, end, isUser) in [(0x10_0000, 0x18_0000, false), (0x18_0000, 0x18_1000, true)]
      + [(0x18_1000, 0x40_0000, false)] as [(UInt64, UInt64, Bool)]
    {
      try space.add(
        MappingIntent(
          virtual: VirtualRange(uncheckedStart: VirtualAddress(start), count: ByteCount(end - start)),
          physical: PhysicalAddress(start),
          access: isUser ? .readExecute : .readWriteExecute(because: .bootProtocol), isUser: isUser,
          name: "probe guest"))
    }
  }

  mutating func takeFrames(_ count: UInt64) -> PhysicalAddress {
    precondition(next + count << 12 <= Self.marked.start.value, "there is room for tables")
    defer { next += count << 12 }
    return PhysicalAddress(next)
  }

  /// Builds the tables of a space.
  mutating func build(_ space: AddressSpace, _ format: PagingFormat) -> TranslationTables<PagingFormat, X86FileTables> {
    let count = PageTableBudget(for: space, format: format).byteCount.value >> 12
    let image = PageTableImage(building: space, format: format, at: takeFrames(count))
    memory.store(image)
    return TranslationTables(format: format, memory: memory, root: image.root)
  }

  /// Writes an entry of 4 or 8 bytes.
  func store(_ entry: UInt64, at address: UInt64, size: UInt64) {
    let whole = PhysicalAddress(address & ~7)
    let shift = (address & 7) * 8
    let mask: UInt64 = size == 8 ? .max : 0xffff_ffff << shift
    let old = memory.loadEntry(at: whole) ?? 0
    precondition(memory.storeEntry(old & ~mask | (entry << shift) & mask, at: whole), "tables are in memory")
  }

  /// Copies the tables and the words of a marked memory into a machine.
  func copy(to target: GuestMemory, marks: X86MarkedMemory?) {
    let (start, end) = (Int(ProbeGuest.x86.free), Int(next))
    memory.file.withBytes { source in
      target.file.withMutableBytes { bytes in
        // SAFETY: 1. both files have more than `end` bytes: tables end below the marked frames; 2. they are two files.
        unsafe source.withUnsafeBytes { source in
          unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<end]))
          }
        }
      }
    }
    for (address, word) in marks?.words ?? [:] { target.storeEntry(word, at: PhysicalAddress(address)) }
  }
}

/// Eight-byte words that are to be read, written and executed, as they change from access to access.
struct X86MarkedMemory {
  /// The code of every mark: `int $0x80` is cd 80.
  static let code: UInt64 = 0x80cd

  /// What the words are now, and what they were at first.
  private(set) var current: [UInt64: UInt64] = [:]
  private(set) var words: [UInt64: UInt64] = [:]

  /// A word of its own for each half of each frame within 128 MiB, also where half of it is read.
  static func mark(_ physical: UInt64) -> UInt64 { physical << 32 | (physical >> 11 & 0xffff) << 16 | code }

  mutating func load(_ physical: UInt64, size: UInt64) -> UInt64 {
    let word = current[physical] ?? Self.mark(physical)
    if current[physical] == nil { (current[physical], words[physical]) = (word, word) }
    return size == 8 ? word : word & 0xffff_ffff
  }

  mutating func store(_ value: UInt64, at physical: UInt64, size: UInt64) {
    let old = load(physical, size: 8)
    current[physical] = size == 8 ? value : old & ~0xffff_ffff | value & 0xffff_ffff
  }
}
