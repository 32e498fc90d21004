/// What a relocation computes, r_type: its meaning depends on the machine (psABI of each). Unknown numbers survive.
public struct RelocationType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// R_X86_64_NONE, R_AARCH64_NONE (also 256), R_RISCV_NONE, R_386_NONE: nothing to do.
  public static var none: RelocationType { RelocationType(rawValue: 0) }
  public static var x86_64Direct64: RelocationType { RelocationType(rawValue: 1) }
  public static var x86_64GlobalData: RelocationType { RelocationType(rawValue: 6) }
  public static var x86_64JumpSlot: RelocationType { RelocationType(rawValue: 7) }
  /// R_X86_64_RELATIVE: the place becomes slide + addend.
  public static var x86_64Relative: RelocationType { RelocationType(rawValue: 8) }
  public static var x86_64Relative64: RelocationType { RelocationType(rawValue: 38) }
  /// R_386_RELATIVE: the slide is added to the place.
  public static var i386Relative: RelocationType { RelocationType(rawValue: 8) }
  /// R_AARCH64_RELATIVE: the place becomes slide + addend.
  public static var aarch64Relative: RelocationType { RelocationType(rawValue: 1027) }
  /// R_RISCV_RELATIVE: the place becomes slide + addend.
  public static var riscvRelative: RelocationType { RelocationType(rawValue: 3) }
  /// R_LARCH_RELATIVE: the place becomes slide + addend.
  public static var loongArchRelative: RelocationType { RelocationType(rawValue: 3) }

  /// The type that only adds the slide, on a machine that Perch knows.
  public static func relative(on machine: Machine) -> RelocationType? {
    switch machine {
    case .x86_64: x86_64Relative
    case .i386: i386Relative
    case .aarch64: aarch64Relative
    case .riscv: riscvRelative
    case .loongArch: loongArchRelative
    default: nil
    }
  }
}
