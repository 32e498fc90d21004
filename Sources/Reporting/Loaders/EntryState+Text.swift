import BootProtocols
import Placement

extension EntryState.Mode {
  /// As the manuals call it.
  var name: String {
    switch self {
    case .real: "16-bit real mode"
    case .protected32: "32-bit protected mode, paging off"
    case .long64: "64-bit mode"
    case .xenPV64: "a 64-bit Xen PV domain"
    case .xenPV32: "a 32-bit PAE Xen PV domain"
    case .aarch64EL1: "AArch64 EL1, MMU off"
    case .aarch64EL2: "AArch64 EL2, MMU off"
    case .riscvSupervisor: "RISC-V S-mode, satp 0"
    }
  }
}

extension Remark.Kind {
  var name: String {
    switch self {
    case .entryOutsideImage: "entry outside image"
    case .outsideMemory: "outside memory"
    case .notZeroed: "not zeroed"
    case .segmentIgnored: "segment ignored"
    case .overlap: "overlap"
    case .moduleIgnored: "module ignored"
    case .entryElsewhere: "entered elsewhere"
    case .ambiguousReading: "ambiguous reading"
    case .unspecified: "unspecified"
    }
  }
}
