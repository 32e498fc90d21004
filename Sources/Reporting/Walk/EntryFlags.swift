import AddressSpace
import PageTables

extension PagingFormat {
  /// The flags that are set in an entry, spelled as the manual spells them; none where the entry is not in use.
  func flags(of entry: UInt64, at level: TableLevel) -> [String] {
    let meaning = decode(entry, at: level)
    if meaning == .absent { return [] }
    var isTable = false
    if case .table = meaning { isTable = true }
    switch self {
    case .i386, .pae, .x86_64: return Self.x86(entry, level, isTable, mode)
    case .aarch64(let format): return Self.aarch64(entry, isTable, format)
    case .riscv: return Self.riscv(entry)
    }
  }

  /// Intel SDM vol. 3A, tables 4-5, 4-6, 4-8 to 4-11, 4-15 to 4-20.
  private static func x86(_ entry: UInt64, _ level: TableLevel, _ isTable: Bool, _ mode: PagingMode) -> [String] {
    if mode == .pae, level == .pageDirectoryPointer { return names(entry, [(0, "P"), (3, "PWT"), (4, "PCD")]) }
    var bits: [(UInt64, String)] = [(0, "P"), (1, "R/W"), (2, "U/S"), (3, "PWT"), (4, "PCD"), (5, "A")]
    if !isTable {
      bits += [(6, "D"), level == .pageTable ? (7, "PAT") : (7, "PS"), (8, "G")]
      if level > .pageTable { bits.append((12, "PAT")) }
    }
    var flags = names(entry, bits)
    guard mode != .i386 else { return flags }
    let key = entry >> 59 & 15
    if !isTable, mode != .pae, key != 0 { flags.append("PKEY=\(key)") }
    return flags + names(entry, [(63, "NX")])
  }

  /// Arm ARM, D8.3.
  private static func aarch64(_ entry: UInt64, _ isTable: Bool, _ format: AArch64Format) -> [String] {
    if isTable {
      let access = entry >> 61 & 3
      return names(entry, [(0, "V"), (59, "PXNTable"), (60, "UXNTable")])
        + (access == 0 ? [] : ["APTable=\(access)"]) + names(entry, [(63, "NSTable")])
    }
    let sharesBits = format.paging.hasLargeAddresses && format.paging.granule != .size64KiB
    return ["V", "AttrIndx=\(entry >> 2 & 7)", "AP[2:1]=\(entry >> 6 & 3)"]
      + (sharesBits ? [] : ["SH=\(entry >> 8 & 3)"])
      + names(
        entry,
        [(10, "AF"), (11, "nG"), (50, "GP"), (51, "DBM"), (52, "C"), (53, "PXN"), (54, "UXN")])
  }

  /// RISC-V privileged specification, 12.4.1.
  private static func riscv(_ entry: UInt64) -> [String] {
    let type = entry >> 61 & 3
    return names(
      entry, [(0, "V"), (1, "R"), (2, "W"), (3, "X"), (4, "U"), (5, "G"), (6, "A"), (7, "D")])
      + (type == 0 ? [] : ["PBMT=\(type)"]) + names(entry, [(63, "N")])
  }

  private static func names(_ entry: UInt64, _ bits: [(UInt64, String)]) -> [String] {
    bits.filter { entry >> $0.0 & 1 == 1 }.map(\.1)
  }
}
