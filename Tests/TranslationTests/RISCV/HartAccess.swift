import AddressSpace
import Addresses
import PageTables

/// An access that a RISC-V hart makes.
struct HartAccess: Hashable {
  var address: UInt64
  var kind: Probe.Kind
  /// In U-mode, otherwise in S-mode.
  var isUser: Bool

  /// Every kind of access near an address: loads and fetches take the first of the 16 bytes that hold it, stores the
  /// second word. So no access crosses a page, and no store changes what is loaded or executed.
  static func all(near address: UInt64) -> [HartAccess] {
    [false, true].flatMap { isUser in
      [Probe.Kind.load, .store, .execute].map { kind in
        HartAccess(address: address & ~15 | (kind == .store ? 8 : 0), kind: kind, isUser: isUser)
      }
    }
  }

  /// mcause of the page fault that this access can have (RISC-V privileged specification, 3.1.15).
  var pageFault: UInt64 {
    switch kind {
    case .execute: 12
    case .load, .translate: 13
    case .store: 15
    }
  }

  /// mcause of the access fault.
  var accessFault: UInt64 {
    switch kind {
    case .execute: 1
    case .load, .translate: 5
    case .store: 7
    }
  }

  /// The right that Perch calls by this name.
  var right: EffectiveRights {
    switch kind {
    case .execute: isUser ? .userExecute : .supervisorExecute
    case .load, .translate: isUser ? .userRead : .supervisorRead
    case .store: isUser ? .userWrite : .supervisorWrite
    }
  }
}

/// What comes of an access.
enum HartOutcome: Hashable {
  case reaches(UInt64)
  case faults(cause: UInt64)
}

extension HartOutcome: CustomStringConvertible {
  var description: String {
    switch self {
    case .reaches(let physical): "reaches 0x" + String(physical, radix: 16)
    case .faults(let cause): "faults with mcause \(cause)"
    }
  }
}

/// What of a hart's state takes part in translation.
struct HartState: Hashable {
  var paging: RISCVPaging
  /// The root table.
  var root: UInt64
  /// mstatus.SUM
  var sum = false
  /// mstatus.MXR
  var mxr = false
  /// Svpbmt, and menvcfg.PBMTE set.
  var hasMemoryTypes = false
  /// Svnapot
  var hasContiguousPages = false

  /// All four states of SUM and MXR.
  var variants: [HartState] {
    [(false, false), (true, false), (false, true), (true, true)].map { sum, mxr in
      var state = self
      (state.sum, state.mxr) = (sum, mxr)
      return state
    }
  }

  /// The probe guest's control values; satp has MODE in bits 63:60 and the root's PPN in bits 43:0 (RISC-V privileged
  /// specification, 12.1.11).
  var control: [UInt64] {
    let mode: UInt64 =
      switch paging {
      case .sv39: 8
      case .sv48: 9
      case .sv57: 10
      }
    return [mode << 60 | root >> 12, (sum ? 1 << 18 : 0) | (mxr ? 1 << 19 : 0), hasMemoryTypes ? 1 << 62 : 0]
  }

  /// QEMU's translator sets A and D itself.
  var format: RISCVFormat {
    var controls = RISCVControls()
    controls.permitsUserAccess = sum
    controls.executableIsReadable = mxr
    controls.setsAccessedAndDirty = true
    controls.hasContiguousPages = hasContiguousPages
    controls.hasMemoryTypes = hasMemoryTypes
    return RISCVFormat(paging, controls: controls)
  }
}

extension HartState {
  /// What Perch's walk says of an access: where it leads, and whether it has the right.
  func resolved(_ access: HartAccess, in memory: some TableMemory) -> HartOutcome {
    let tables = TranslationTables(format: format, memory: memory, root: PhysicalAddress(root))
    guard case .mapped(let byte) = tables.resolve(VirtualAddress(access.address)), byte.rights.contains(access.right)
    else { return .faults(cause: access.pageFault) }
    return HartRAM.contains(byte.physical.value)
      ? .reaches(byte.physical.value) : .faults(cause: access.accessFault)
  }

  /// What the specification says of an access to a page that is described without table bits (RISC-V privileged
  /// specification, 12.3.2, steps 6 and 7, and 12.1.1.2 for SUM); nil where nothing is mapped. Pages that Perch makes
  /// are always readable.
  func expected(_ access: HartAccess, at byte: ModelByte?) -> HartOutcome {
    guard let byte else { return .faults(cause: access.pageFault) }
    let isUsers = byte.kind.isUser
    let passes = access.isUser ? isUsers : !isUsers || sum && access.kind != .execute
    let isGranted =
      switch access.kind {
      case .load, .translate: true
      case .store: byte.kind.access.isWritable
      case .execute: byte.kind.access.isExecutable
      }
    return passes && isGranted ? .reaches(byte.physical) : .faults(cause: access.pageFault)
  }
}

/// Where a virtual address should lead, and what may be done there.
struct ModelByte {
  var physical: UInt64
  var kind: PageKind
}

/// The memory of the machines: 6 GiB from 0x8000_0000, so that 1 GiB pages have room away from guest and tables. Its
/// file is sparse: only what is touched takes memory.
///
///     0x8000_0000      0x8100_0000            0xbf00_0000        0xc000_0000                        0x2_0000_0000
///     ├─ guest, probes ─┼─ tables ───────────────┼─ device tree ─────┼─ frames ─────────────────────────────┤
enum HartRAM {
  static let size = ByteCount.gibibytes(6)
  static let start: UInt64 = 0x8000_0000
  static let guest: Range<UInt64> = 0x8000_0000..<0x8020_0000
  static let tables: UInt64 = 0x8100_0000
  static let tablesEnd: UInt64 = 0xbf00_0000
  static let frames = PhysicalRange(
    uncheckedStart: PhysicalAddress(0xc000_0000), count: ByteCount.gibibytes(5))

  static func contains(_ address: UInt64) -> Bool { address >= start && address - start < size.value }
}
