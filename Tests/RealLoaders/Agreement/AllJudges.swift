import Placement

/// The real loaders that this machine may run: one line for each.
public enum AllJudges {
  public static var all: [any Judge] {
    [
      GRUBJudge(version: 1),
      GRUBJudge(version: 2),
      QEMUJudge.multiboot,
      QEMUJudge.pvh,
      QEMUJudge.linux,
      QEMUJudge.aarch64,
      QEMUJudge.riscv64,
      XenPVJudge(),
      XenPVHJudge(),
      DecompressorJudge(),
      KexecJudge(),
    ]
  }
}
