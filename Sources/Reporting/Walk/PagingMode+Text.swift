import AddressSpace

extension PagingMode {
  /// "x86-64, four levels", "AArch64, 48 bits, 4 KiB granule".
  var title: String {
    switch self {
    case .i386: "i386, two levels"
    case .pae: "i386 with PAE"
    case .x86_64FourLevel: "x86-64, four levels"
    case .x86_64FiveLevel: "x86-64, five levels"
    case .aarch64(let paging):
      "AArch64, \(paging.half == .lower ? "lower" : "upper") half, \(paging.virtualBits) bits, "
        + "\(Size.human(1 << UInt64(paging.granule.rawValue))) granule"
        + (paging.hasLargeAddresses ? ", 52-bit addresses" : "")
    case .riscv(let paging): "RISC-V Sv\(paging.rawValue)"
    }
  }

  /// As `perch walk --mode` spells it.
  var identifier: String {
    switch self {
    case .i386: "i386"
    case .pae: "pae"
    case .x86_64FourLevel: "x86-64"
    case .x86_64FiveLevel: "x86-64-la57"
    case .aarch64: "aarch64"
    case .riscv(let paging): "sv\(paging.rawValue)"
    }
  }
}
