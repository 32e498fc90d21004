import AddressSpace
import Addresses
import PageTables

/// One half's translation: how its tables are read, and the registers that make a processor read them so.
struct AArch64Regime {
  var format: AArch64Format
  var root: UInt64

  var paging: AArch64Paging { format.paging }
  var controls: AArch64Controls { format.controls }
  var isUpper: Bool { paging.half == .upper }

  /// What the guest puts into its registers (Tests/ProbeGuests/aarch64/probe.c).
  var control: [UInt64] {
    [
      isUpper ? 1 : 0, root, tcr, controls.memoryAttributes, controls.writableIsNeverExecutable ? 1 << 19 : 0,
      controls.privilegedAccessNever ? 1 : 0,
    ]
  }

  /// TCR_EL1 (Arm ARM): IRGN, ORGN and SH say write-back, inner shareable.
  private var tcr: UInt64 {
    let lower: UInt64 = 0x3500 | UInt64(64 - paging.virtualBits)
    var tcr: UInt64
    switch (paging.granule, isUpper) {
    case (.size4KiB, false): tcr = lower
    case (.size64KiB, false): tcr = lower | 1 << 14
    case (.size16KiB, false): tcr = lower | 2 << 14
    case (.size16KiB, true): tcr = lower << 16 | 1 << 30
    case (.size4KiB, true): tcr = lower << 16 | 2 << 30
    case (.size64KiB, true): tcr = lower << 16 | 3 << 30
    }
    tcr |= intermediatePhysicalSize << 32
    if controls.setsAccessFlag { tcr |= 1 << 39 }
    if controls.setsDirtyState { tcr |= 1 << 40 }
    if controls.ignoresTableRestrictions { tcr |= isUpper ? 1 << 42 : 1 << 41 }
    if paging.hasLargeAddresses, paging.granule != .size64KiB { tcr |= 1 << 59 }
    return tcr
  }

  /// TCR_EL1.IPS. With 64 KiB pages it is what makes addresses large.
  private var intermediatePhysicalSize: UInt64 {
    let bits = min(controls.physicalBits, paging.hasLargeAddresses ? 52 : 48)
    guard let number = Self.physicalSizes.firstIndex(of: bits) else { preconditionFailure("a size that IPS can say") }
    return UInt64(number)
  }

  static let physicalSizes: [UInt8] = [32, 36, 40, 42, 44, 48, 52]

  /// Whether an address is of this half: bit 55 chooses, whatever the width (Arm ARM, D8.2).
  func has(_ address: UInt64) -> Bool { address >> 55 & 1 == (isUpper ? 1 : 0) }
}

extension AArch64Paging {
  var words: String {
    "\(1 << (granule.rawValue - 10)) KiB, \(virtualBits) bits\(hasLargeAddresses ? ", large addresses" : ""), \(half) half"
  }

  /// The sizes of pages and blocks, smallest first (Arm ARM, D8.3).
  var pageSizes: [PageSize] {
    switch granule {
    case .size4KiB: [.size4KiB, .size2MiB, .size1GiB] + (hasLargeAddresses ? [.size512GiB] : [])
    case .size16KiB: [.size16KiB, .size32MiB] + (hasLargeAddresses ? [.size64GiB] : [])
    case .size64KiB: [.size64KiB, .size512MiB] + (hasLargeAddresses ? [.size4TiB] : [])
    }
  }

  /// Shapes at the edges: every number of levels, roots with one bit and with all, and Linux's choices.
  static func shapes(_ granule: Granule) -> [AArch64Paging] {
    let widths: [(bits: Int, isLarge: Bool)] =
      switch granule {
      case .size4KiB: [(36, false), (39, false), (42, false), (48, false), (40, true), (48, true), (52, true)]
      case .size16KiB: [(36, false), (37, false), (47, false), (48, false), (47, true), (52, true)]
      case .size64KiB: [(36, false), (42, false), (48, false), (52, false), (42, true), (52, true)]
      }
    return widths.flatMap { width in
      Half.allCases.compactMap { half in
        AArch64Paging(granule: granule, virtualBits: width.bits, half: half, hasLargeAddresses: width.isLarge)
      }
    }
  }
}
