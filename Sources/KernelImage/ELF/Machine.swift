/// The processor an ELF file is for, e_machine (System V gABI, ch. 4). Unknown numbers survive.
public struct Machine: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static var none: Machine { Machine(rawValue: 0) }
  public static var sparc: Machine { Machine(rawValue: 2) }
  public static var i386: Machine { Machine(rawValue: 3) }
  public static var m68k: Machine { Machine(rawValue: 4) }
  public static var mips: Machine { Machine(rawValue: 8) }
  public static var powerPC: Machine { Machine(rawValue: 20) }
  public static var powerPC64: Machine { Machine(rawValue: 21) }
  public static var s390: Machine { Machine(rawValue: 22) }
  public static var arm: Machine { Machine(rawValue: 40) }
  public static var sparcV9: Machine { Machine(rawValue: 43) }
  public static var itanium: Machine { Machine(rawValue: 50) }
  public static var x86_64: Machine { Machine(rawValue: 62) }
  public static var aarch64: Machine { Machine(rawValue: 183) }
  public static var riscv: Machine { Machine(rawValue: 243) }
  public static var bpf: Machine { Machine(rawValue: 247) }
  public static var loongArch: Machine { Machine(rawValue: 258) }

  /// The name people use: "x86-64"; "machine 0x1234" for a number that has none here.
  public var name: String {
    switch self {
    case .none: "no machine"
    case .sparc: "SPARC"
    case .i386: "i386"
    case .m68k: "m68k"
    case .mips: "MIPS"
    case .powerPC: "PowerPC"
    case .powerPC64: "PowerPC64"
    case .s390: "S/390"
    case .arm: "Arm"
    case .sparcV9: "SPARC V9"
    case .itanium: "IA-64"
    case .x86_64: "x86-64"
    case .aarch64: "AArch64"
    case .riscv: "RISC-V"
    case .bpf: "BPF"
    case .loongArch: "LoongArch"
    default: "machine " + hexadecimal(rawValue)
    }
  }
}
