import Processor

/// How a run ends, in a way that whoever started the machine can read.
public enum Power {
  /// What becomes of QEMU's exit status: `code << 1 | 1` (QEMU, hw/misc/debugexit.c).
  public enum Verdict: UInt32 {
    /// All went well: QEMU ends with 33.
    case good = 0x10
    /// A self-test failed: 35.
    case failed = 0x11
    /// Nothing could be loaded: 37.
    case refused = 0x12
    /// An exception that nothing expects: 39.
    case crashed = 0x13
  }

  /// Ends the run: by the debug-exit device, where there is one; else by ACPI's S5 as QEMU's PIIX4 and ICH9 take it;
  /// else by stopping.
  public static func off(_ verdict: Verdict) -> Never {
    port_write32(0xf4, verdict.rawValue)
    port_write16(0x604, 0x2000)
    processor_stop()
  }
}
