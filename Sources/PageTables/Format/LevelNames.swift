public import AddressSpace
import Addresses

extension PagingMode {
  /// What the manual calls the tables of a level: PML4 to PT on x86, L0 to L3 on AArch64, level 2 to 0 of Sv39.
  public func name(of level: TableLevel) -> String {
    switch self {
    case .i386, .pae, .x86_64FourLevel, .x86_64FiveLevel:
      switch level {
      case .pageTable: "PT"
      case .pageDirectory: "PD"
      case .pageDirectoryPointer: "PDPT"
      case .pml4: "PML4"
      default: "PML5"
      }
    case .aarch64: text("L\(4 - level.rawValue)")
    case .riscv: text("level \(level.rawValue - 1)")
    }
  }

  /// The names of all levels, root first.
  public var levelNames: [String] {
    let root = PagingFormat(self).geometry.rootLevel.rawValue
    return (1...root).reversed().map { name(of: TableLevel(rawValue: $0)) }
  }
}
