import ArgumentParser
import PageTables
import Reporting

/// The registers that say how a machine translates. Each may be given once; arrays notice the second time.
struct WalkOptions: ParsableArguments {
  enum Mode: String, CaseIterable, ExpressibleByArgument {
    case i386, pae
    case x86_64 = "x86-64"
    case x86_64LA57 = "x86-64-la57"
    case aarch64, sv39, sv48, sv57
  }

  enum Family: String { case x86, aarch64 = "AArch64", riscv = "RISC-V" }

  @Option(help: "How addresses are translated; a core and --satp say it themselves.")
  var mode: Mode?

  @Option(help: ArgumentHelp("Processor of a core, from 0.", valueName: "number"))
  var cpu = 0

  @Option(help: ArgumentHelp("x86: the root.", valueName: "value"))
  var cr3: [NumberArgument] = []
  @Option(help: ArgumentHelp("x86: WP counts; assumed on.", valueName: "value"))
  var cr0: [NumberArgument] = []
  @Option(help: ArgumentHelp("x86: SMEP and SMAP (assumed off) and PSE (assumed on) count.", valueName: "value"))
  var cr4: [NumberArgument] = []
  @Option(help: ArgumentHelp("x86: NXE counts; assumed on.", valueName: "value"))
  var efer: [NumberArgument] = []
  @Option(help: ArgumentHelp("x86: IA32_PAT, for the names of memory types.", valueName: "value"))
  var pat: [NumberArgument] = []

  @Option(help: ArgumentHelp("AArch64: TTBR0_EL1, the root of the lower half.", valueName: "value"))
  var ttbr0: [NumberArgument] = []
  @Option(help: ArgumentHelp("AArch64: TTBR1_EL1, the root of the upper half.", valueName: "value"))
  var ttbr1: [NumberArgument] = []
  @Option(help: ArgumentHelp("AArch64: TCR_EL1, granules and widths.", valueName: "value"))
  var tcr: [NumberArgument] = []
  @Option(help: ArgumentHelp("AArch64: MAIR_EL1, for the names of memory types.", valueName: "value"))
  var mair: [NumberArgument] = []
  @Option(help: ArgumentHelp("AArch64: SCTLR_EL1; M is assumed on, WXN off.", valueName: "value"))
  var sctlr: [NumberArgument] = []

  @Option(help: ArgumentHelp("RISC-V: satp, mode and root.", valueName: "value"))
  var satp: [NumberArgument] = []

  func validate() throws {
    for (name, values) in registers where values.count > 1 {
      throw ValidationError("--\(name) is given \(values.count) times; a walk starts from one")
    }
    let families = given
    if families.count > 1 {
      throw ValidationError(
        "these are registers of different processors: " + families.map(\.rawValue).joined(separator: " and "))
    }
    if let mode, let family = families.first, mode.family != family {
      throw ValidationError("--mode \(mode.rawValue) does not go with registers of \(family.rawValue)")
    }
    if family == .aarch64, tcr.isEmpty || ttbr0.isEmpty && ttbr1.isEmpty {
      throw ValidationError("AArch64 needs --tcr and --ttbr0, --ttbr1 or both")
    }
    if family == .riscv, satp.isEmpty { throw ValidationError("RISC-V needs --satp") }
    if cpu < 0 { throw ValidationError("--cpu counts from 0") }
  }

  private var registers: [(String, [NumberArgument])] {
    [
      ("cr3", cr3), ("cr0", cr0), ("cr4", cr4), ("efer", efer), ("pat", pat), ("ttbr0", ttbr0), ("ttbr1", ttbr1),
      ("tcr", tcr), ("mair", mair), ("sctlr", sctlr), ("satp", satp),
    ]
  }

  /// The processors whose registers are given.
  private var given: [Family] {
    var families: [Family] = []
    if ![cr3, cr0, cr4, efer, pat].allSatisfy(\.isEmpty) { families.append(.x86) }
    if ![ttbr0, ttbr1, tcr, mair, sctlr].allSatisfy(\.isEmpty) { families.append(.aarch64) }
    if !satp.isEmpty { families.append(.riscv) }
    return families
  }

  /// Which processor the options are about; nil where they leave it to the core.
  var family: Family? { mode?.family ?? given.first }
}

extension WalkOptions.Mode {
  var family: WalkOptions.Family {
    switch self {
    case .i386, .pae, .x86_64, .x86_64LA57: .x86
    case .aarch64: .aarch64
    case .sv39, .sv48, .sv57: .riscv
    }
  }
}
