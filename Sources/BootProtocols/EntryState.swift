/// The processor's state at the image's first instruction, as far as the loader promises or was seen to set it.
public struct EntryState: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable {
    /// 16-bit real mode.
    case real
    /// 32-bit protected mode, paging off, flat segments.
    case protected32
    /// 64-bit mode with paging.
    case long64
    /// A Xen paravirtual domain, 64-bit (CPL 3) or 32-bit PAE (CPL 1).
    case xenPV64, xenPV32
    /// AArch64 with the MMU off, at EL1 or EL2.
    case aarch64EL1, aarch64EL2
    /// RISC-V S-mode, satp 0.
    case riscvSupervisor
  }

  public struct Register: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
      case exactly(UInt64)
      /// Different from run to run, or never promised.
      case unspecified
    }

    /// As the manual writes it, in lower case: "eax", "x0", "a1", "cs".
    public var name: String
    public var value: Value
    /// What it means to the kernel: "Multiboot magic", "boot information".
    public var meaning: String

    public init(_ name: String, _ value: UInt64, _ meaning: String) {
      self.name = name
      self.value = .exactly(value)
      self.meaning = meaning
    }

    public init(unspecified name: String, _ meaning: String) {
      self.name = name
      value = .unspecified
      self.meaning = meaning
    }
  }

  public var mode: Mode
  /// Where it jumps: physical with paging off, virtual otherwise.
  public var address: UInt64
  public var registers: [Register]

  public init(mode: Mode, address: UInt64, registers: [Register] = []) {
    self.mode = mode
    self.address = address
    self.registers = registers
  }
}
