public import AddressSpace
public import Addresses

/// The registers that say how EL1&0 translates, as they are on a running machine (Arm ARM, D19.2: TCR_EL1, TTBR0_EL1,
/// TTBR1_EL1, MAIR_EL1, SCTLR_EL1).
///
///     TCR_EL1
///      63 60 59 58  43  42   41  40 39 38 35 34 32 31 30 29 24  23  22 21  16 15 14 13  8  7   6 5    0
///     ┌─────┬──┬─────┬────┬────┬──┬──┬─────┬─────┬─────┬─────┬────┬──┬──────┬─────┬─────┬────┬─┬──────┐
///     │     │DS│     │HPD1│HPD0│HD│HA│     │ IPS │ TG1 │     │EPD1│A1│ T1SZ │ TG0 │     │EPD0│ │ T0SZ │
///     └─────┴──┴─────┴────┴────┴──┴──┴─────┴─────┴─────┴─────┴────┴──┴──────┴─────┴─────┴────┴─┴──────┘
public struct AArch64Registers: Hashable, Sendable {
  public var tcr: UInt64
  public var ttbr0: UInt64
  public var ttbr1: UInt64
  public var mair: UInt64
  /// SCTLR_EL1; bit 0, M, says whether anything is translated.
  public var sctlr: UInt64

  public init(
    tcr: UInt64, ttbr0: UInt64, ttbr1: UInt64, mair: UInt64 = AArch64Controls.plannedMemoryAttributes, sctlr: UInt64 = 1
  ) {
    self.tcr = tcr
    self.ttbr0 = ttbr0
    self.ttbr1 = ttbr1
    self.mair = mair
    self.sctlr = sctlr
  }

  /// Whether walks of this half are disabled: TCR_EL1.EPD0 and EPD1.
  public func isDisabled(_ half: AArch64Paging.Half) -> Bool { bits(half == .lower ? 7 : 23, 1) != 0 }

  /// The tables of one half.
  ///
  /// - Throws: ``RegisterError`` where the MMU is off, walks of this half are disabled, or a field holds what is reserved
  ///   or not known to Perch.
  public func tables(
    of half: AArch64Paging.Half
  ) throws(RegisterError) -> (format: AArch64Format, root: PhysicalAddress) {
    try checkEnabled(half)
    let granule = try half == .lower ? lowerGranule() : upperGranule()
    let physicalBits = try physicalBits()
    let isLarge = granule == .size64KiB ? physicalBits == 52 : bits(59, 1) != 0
    let size = bits(half == .lower ? 0 : 16, 6)
    guard
      let paging = AArch64Paging(
        granule: granule, virtualBits: 64 - Int(size), half: half, hasLargeAddresses: isLarge)
    else {
      throw RegisterError(
        "TCR_EL1", half == .lower ? "T0SZ" : "T1SZ", size,
        allowed: granule == .size64KiB || isLarge ? "12 to 28" : "16 to 28")
    }
    let controls = controls(half, physicalBits: isLarge ? physicalBits : min(physicalBits, 48))
    let format = AArch64Format(paging, controls: controls)
    return (format, root(half, format))
  }

  private func checkEnabled(_ half: AArch64Paging.Half) throws(RegisterError) {
    guard sctlr & 1 != 0 else { throw RegisterError("SCTLR_EL1", "M", 0, allowed: "1: the MMU is on") }
    guard sctlr & 1 << 25 == 0 else {
      throw RegisterError("SCTLR_EL1", "EE", 1, allowed: "0: little-endian table entries")
    }
    guard !isDisabled(half) else {
      throw RegisterError(
        "TCR_EL1", half == .lower ? "EPD0" : "EPD1", 1, allowed: "0: the tables of this half are walked")
    }
  }

  /// TG0, bits 15:14.
  private func lowerGranule() throws(RegisterError) -> AArch64Paging.Granule {
    switch bits(14, 2) {
    case 0: return .size4KiB
    case 1: return .size64KiB
    case 2: return .size16KiB
    default: throw RegisterError("TCR_EL1", "TG0", bits(14, 2), allowed: "0 (4 KiB), 1 (64 KiB), 2 (16 KiB)")
    }
  }

  /// TG1, bits 31:30; its numbers differ from TG0's.
  private func upperGranule() throws(RegisterError) -> AArch64Paging.Granule {
    switch bits(30, 2) {
    case 1: return .size16KiB
    case 2: return .size4KiB
    case 3: return .size64KiB
    default: throw RegisterError("TCR_EL1", "TG1", bits(30, 2), allowed: "1 (16 KiB), 2 (4 KiB), 3 (64 KiB)")
    }
  }

  /// IPS, bits 34:32.
  private func physicalBits() throws(RegisterError) -> UInt8 {
    switch bits(32, 3) {
    case 0: return 32
    case 1: return 36
    case 2: return 40
    case 3: return 42
    case 4: return 44
    case 5: return 48
    case 6: return 52
    default: throw RegisterError("TCR_EL1", "IPS", bits(32, 3), allowed: "0 to 6 (32 to 52 bits)")
    }
  }

  private func controls(_ half: AArch64Paging.Half, physicalBits: UInt8) -> AArch64Controls {
    var controls = AArch64Controls()
    controls.writableIsNeverExecutable = sctlr & 1 << 19 != 0
    controls.ignoresTableRestrictions = bits(half == .lower ? 41 : 42, 1) != 0
    controls.setsAccessFlag = bits(39, 1) != 0
    controls.setsDirtyState = controls.setsAccessFlag && bits(40, 1) != 0
    controls.physicalBits = physicalBits
    controls.memoryAttributes = mair
    return controls
  }

  /// BADDR: bits 47:1 as far as the root's size leaves them, and with 52-bit addresses bits 51:48 in 5:2. The others are
  /// the ASID (63:48) and CnP (0).
  private func root(_ half: AArch64Paging.Half, _ format: AArch64Format) -> PhysicalAddress {
    let register = half == .lower ? ttbr0 : ttbr1
    let isLarge = bits(32, 3) == 6 && format.paging.hasLargeAddresses
    let size = UInt64(format.geometry.entryCount(of: format.geometry.rootLevel)) << 3
    let low = register & 0x0000_ffff_ffff_ffff & ~((isLarge ? max(size, 64) : size) - 1)
    return PhysicalAddress(unchecked: isLarge ? low | (register & 0x3c) << 46 : low)
  }

  private func bits(_ first: UInt64, _ count: UInt64) -> UInt64 { tcr >> first & ((1 << count) - 1) }
}
