public import PageTables

/// What the numbers that pages hold for their memory type stand for.
public enum MemoryTypeNames: Hashable, Sendable {
  /// x86: IA32_PAT, eight bytes; nil where it is not known.
  case pat(UInt64?)
  /// AArch64: MAIR_EL1, eight bytes; nil where it is not known.
  case mair(UInt64?)
  /// RISC-V: the numbers say it themselves.
  case pbmt

  /// The type in the manual's words; nil where the register that says it is not known.
  public func name(of type: MemoryTypeIndex) -> String? {
    let index = UInt64(type.rawValue & 7)
    switch self {
    case .pat(let pat?): return Self.patName(pat >> (8 * index) & 7)
    // Alike after reset (0x0007040600070406) and under Linux (0x0407050600070106); the others differ.
    case .pat(nil): return [0: "WB", 2: "UC-", 3: "UC", 4: "WB", 6: "UC-"][index]
    case .mair(let mair): return mair.map { Self.mairName(UInt8(truncatingIfNeeded: $0 >> (8 * index))) }
    case .pbmt: return ["PMA", "NC", "IO", "reserved"][Int(index & 3)]
    }
  }

  /// The name, or the number where there is none: "PAT 1", "AttrIndx 3".
  func text(of type: MemoryTypeIndex) -> String {
    if let name = name(of: type) { return name }
    if case .mair = self { return "AttrIndx \(type.rawValue)" }
    return "PAT \(type.rawValue)"
  }

  /// Intel SDM vol. 3A, table 12-10.
  private static func patName(_ type: UInt64) -> String {
    ["UC", "WC", "reserved", "reserved", "WT", "WP", "WB", "UC-"][Int(type)]
  }

  /// Arm ARM, MAIR_EL1: outer policy above, inner below; devices have 0 above.
  private static func mairName(_ attribute: UInt8) -> String {
    switch attribute {
    case 0x00: "Device-nGnRnE"
    case 0x04: "Device-nGnRE"
    case 0x08: "Device-nGRE"
    case 0x0c: "Device-GRE"
    case 0xf0: "Tagged WB"
    case 0x44: "NC"
    case let value where value >> 4 == value & 15: cacheable(value & 15)
    default: "outer \(cacheable(attribute >> 4)), inner \(cacheable(attribute & 15))"
    }
  }

  private static func cacheable(_ policy: UInt8) -> String {
    if policy == 4 { return "NC" }
    if policy == 0 { return "reserved" }
    // Bit 2 chooses between write-back and write-through, bit 3 says non-transient; the rest are allocation hints.
    return (policy & 4 != 0 ? "WB" : "WT") + (policy & 8 == 0 ? " transient" : "")
  }
}
