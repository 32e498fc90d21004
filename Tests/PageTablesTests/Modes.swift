import AddressSpace
import Addresses
import PageTables

/// What the manuals say about each mode, written down a second time: sizes, groups and rights as tables, not arithmetic.
extension PagingMode {
  static func arm(
    _ granule: AArch64Paging.Granule, _ bits: Int, _ half: AArch64Paging.Half = .upper, large: Bool = false
  ) -> PagingMode {
    .aarch64(AArch64Paging(granule: granule, virtualBits: bits, half: half, hasLargeAddresses: large)!)
  }

  /// Every mode, and of AArch64 each granule with its usual widths, in both halves.
  static let all: [PagingMode] =
    [.i386, .pae, .x86_64FourLevel, .x86_64FiveLevel, .riscv(.sv39), .riscv(.sv48), .riscv(.sv57)]
    + AArch64Paging.Half.allCases.flatMap { half in
      [
        arm(.size4KiB, 39, half), arm(.size4KiB, 48, half), arm(.size4KiB, 52, half, large: true),
        arm(.size16KiB, 36, half), arm(.size16KiB, 47, half), arm(.size16KiB, 52, half, large: true),
        arm(.size64KiB, 42, half), arm(.size64KiB, 48, half), arm(.size64KiB, 52, half, large: true),
      ]
    }

  /// The sizes of leaves, smallest first.
  var pageSizes: [PageSize] {
    switch self {
    case .i386: [.size4KiB, .size4MiB]
    case .pae: [.size4KiB, .size2MiB]
    case .x86_64FourLevel, .x86_64FiveLevel, .riscv(.sv39): [.size4KiB, .size2MiB, .size1GiB]
    case .riscv(.sv48): [.size4KiB, .size2MiB, .size1GiB, .size512GiB]
    case .riscv(.sv57): [.size4KiB, .size2MiB, .size1GiB, .size512GiB, .size256TiB]
    case .aarch64(let paging):
      switch (paging.granule, paging.hasLargeAddresses) {
      case (.size4KiB, false): [.size4KiB, .size2MiB, .size1GiB]
      case (.size4KiB, true): [.size4KiB, .size2MiB, .size1GiB, .size512GiB]
      case (.size16KiB, false): [.size16KiB, .size32MiB]
      case (.size16KiB, true): [.size16KiB, .size32MiB, .size64GiB]
      case (.size64KiB, false): [.size64KiB, .size512MiB]
      case (.size64KiB, true): [.size64KiB, .size512MiB, .size4TiB]
      }
    }
  }

  /// The bytes that one table covers, by level, those of the smallest pages first; without the root.
  var tableSpans: [UInt64] {
    let shifts: [UInt64]
    switch self {
    case .i386: shifts = [22]
    case .pae: shifts = [21, 30]
    case .x86_64FourLevel, .riscv(.sv48): shifts = [21, 30, 39]
    case .x86_64FiveLevel, .riscv(.sv57): shifts = [21, 30, 39, 48]
    case .riscv(.sv39): shifts = [21, 30]
    case .aarch64(let paging):
      switch paging.granule {
      case .size4KiB: shifts = [21, 30, 39, 48]
      case .size16KiB: shifts = [25, 36, 47]
      case .size64KiB: shifts = [29, 42]
      }
    }
    return shifts.filter { $0 < virtualBits }.map { 1 << $0 }
  }

  /// How many neighbours make a contiguous group (Arm ARM, table D8-65) or a Svnapot page.
  func groupCount(_ size: PageSize) -> UInt64 {
    switch self {
    case .riscv: return size == .size4KiB ? 16 : 1
    case .aarch64(let paging):
      switch paging.granule {
      case .size4KiB: return size <= .size1GiB ? 16 : 1
      case .size16KiB: return size == .size16KiB ? 128 : size == .size32MiB ? 32 : 1
      case .size64KiB: return size <= .size512MiB ? 32 : 1
      }
    default: return 1
    }
  }

  var isX86: Bool {
    switch self {
    case .i386, .pae, .x86_64FourLevel, .x86_64FiveLevel: true
    default: false
    }
  }

  /// What a page with this access grants under the usual control bits: WP and NX on; SMEP, SMAP, WXN, PAN, SUM off.
  func rights(_ access: Access, isUser: Bool) -> EffectiveRights {
    let executes = access.isExecutable || self == .i386
    var supervisor: EffectiveRights = .supervisorRead
    if access.isWritable { supervisor.insert(.supervisorWrite) }
    if executes { supervisor.insert(.supervisorExecute) }
    guard isUser else { return supervisor }
    var user: EffectiveRights = .userRead
    if access.isWritable { user.insert(.userWrite) }
    if executes { user.insert(.userExecute) }
    switch self {
    // PXN is set: only EL0 executes its pages.
    case .aarch64: return user.union(supervisor.subtracting(.supervisorExecute))
    // Without SUM, S-mode does not touch them.
    case .riscv: return user
    default: return user.union(supervisor)
    }
  }

  func attributes(_ intent: MappingIntent, isContiguous: Bool) -> PageAttributes {
    let uncached = intent.cache == .uncacheable
    switch self {
    case .riscv:
      return PageAttributes(
        memoryType: uncached ? 2 : 0, isGlobal: intent.isGlobal, isContiguous: isContiguous)
    case .aarch64(let paging):
      // Under DS shareability is TCR's; normal memory is inner shareable otherwise.
      let hasNone = paging.hasLargeAddresses && paging.granule != .size64KiB
      return PageAttributes(
        memoryType: uncached ? 1 : 0, isGlobal: intent.isGlobal, isContiguous: isContiguous,
        shareability: uncached || hasNone ? 0 : 3)
    default: return PageAttributes(memoryType: uncached ? 3 : 0, isGlobal: intent.isGlobal)
    }
  }

  var swiftText: String {
    switch self {
    case .aarch64(let paging):
      ".arm(.\(paging.granule), \(paging.virtualBits), .\(paging.half), large: \(paging.hasLargeAddresses))"
    case .riscv(let paging): ".riscv(.\(paging))"
    default: ".\(self)"
    }
  }
}
