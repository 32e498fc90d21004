public import AddressSpace
public import Addresses

/// satp of an RV64 hart (RISC-V privileged specification, 12.1.11).
///
///     63  60 59             44 43                                0
///     ┌─────┬─────────────────┬───────────────────────────────────┐
///     │MODE │ ASID            │ PPN: physical address 55:12       │
///     └─────┴─────────────────┴───────────────────────────────────┘
public struct RISCVRegisters: Hashable, Sendable {
  public var satp: UInt64

  public init(satp: UInt64) { self.satp = satp }

  /// The root table.
  public var root: PhysicalAddress { PhysicalAddress(unchecked: (satp & 0x0fff_ffff_ffff) << 12) }

  /// What MODE says.
  ///
  /// - Throws: ``RegisterError`` where nothing is translated (0, Bare), or the mode is reserved.
  public func paging() throws(RegisterError) -> RISCVPaging {
    switch satp >> 60 {
    case 8: return .sv39
    case 9: return .sv48
    case 10: return .sv57
    default: throw RegisterError("satp", "MODE", satp >> 60, allowed: "8 (Sv39), 9 (Sv48), 10 (Sv57)")
    }
  }
}
