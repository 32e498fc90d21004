/// The control bits under which AArch64 tables are read (Arm ARM, TCR_EL1, SCTLR_EL1, MAIR_EL1, PSTATE).
public struct AArch64Controls: Hashable, Sendable {
  /// SCTLR_EL1.WXN: what is writable is not executable.
  public var writableIsNeverExecutable = false
  /// PSTATE.PAN: EL1 does not touch pages that EL0 may.
  public var privilegedAccessNever = false
  /// TCR_EL1.HPDn: table entries take nothing away.
  public var ignoresTableRestrictions = false
  /// TCR_EL1.HA: the processor sets AF itself; without, a leaf whose AF is 0 faults on every access.
  public var setsAccessFlag = false
  /// TCR_EL1.HD, which counts only with HA: a leaf with DBM is writable although AP[2] says that nothing was written
  /// yet.
  public var setsDirtyState = false
  /// Output addresses from this bit up are an address size fault (TCR_EL1.IPS), at most 52.
  public var physicalBits: UInt8 = 52
  /// MAIR_EL1: eight bytes, one for each AttrIndx.
  public var memoryAttributes: UInt64 = Self.plannedMemoryAttributes

  /// What Perch's own tables are made for: AttrIndx 0 is normal write-back memory (0xff), 1 is Device-nGnRnE (0x00).
  public static var plannedMemoryAttributes: UInt64 { 0xff }

  public init() {}
}
