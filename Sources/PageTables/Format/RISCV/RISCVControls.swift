/// The control bits, and the abilities of a hart, under which RISC-V tables are read.
public struct RISCVControls: Hashable, Sendable {
  /// sstatus.SUM: S-mode may touch user pages.
  public var permitsUserAccess = false
  /// sstatus.MXR: what may be executed may be read.
  public var executableIsReadable = false
  /// The hart sets A and D itself (Svadu); without, a leaf without A faults on every access, one without D on writes.
  public var setsAccessedAndDirty = false
  /// Svnapot: bit 63 of a last-level leaf makes 16 of them 64 KiB; without, the bit is reserved.
  public var hasContiguousPages = true
  /// Svpbmt (menvcfg.PBMTE): bits 62:61 are a memory type; without, they are reserved.
  public var hasMemoryTypes = true

  /// A hart with Svnapot and Svpbmt, in S-mode's usual state.
  public init() {}
}
