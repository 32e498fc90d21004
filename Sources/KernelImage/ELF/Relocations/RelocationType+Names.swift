extension RelocationType {
  /// The psABI's name on a machine: "R_X86_64_RELATIVE"; "type 0x63" where Perch has none.
  public func name(on machine: Machine) -> String {
    let name: String? =
      switch machine {
      case .x86_64: rawValue < UInt32(Self.x86_64Names.count) ? Self.x86_64Names[Int(rawValue)] : nil
      case .i386: rawValue < UInt32(Self.i386Names.count) ? Self.i386Names[Int(rawValue)] : nil
      case .aarch64: aarch64Name
      case .riscv: riscvName
      default: nil
      }
    guard let name, !name.isEmpty else { return "type " + hexadecimal(rawValue) }
    return name
  }

  /// x86-64 psABI 1.0, table 4.9, from 0; an empty name is a number that is reserved or withdrawn.
  private static var x86_64Names: [String] {
    [
      "R_X86_64_NONE", "R_X86_64_64", "R_X86_64_PC32", "R_X86_64_GOT32", "R_X86_64_PLT32", "R_X86_64_COPY",
      "R_X86_64_GLOB_DAT", "R_X86_64_JUMP_SLOT", "R_X86_64_RELATIVE", "R_X86_64_GOTPCREL", "R_X86_64_32",
      "R_X86_64_32S", "R_X86_64_16", "R_X86_64_PC16", "R_X86_64_8", "R_X86_64_PC8", "R_X86_64_DTPMOD64",
      "R_X86_64_DTPOFF64", "R_X86_64_TPOFF64", "R_X86_64_TLSGD", "R_X86_64_TLSLD", "R_X86_64_DTPOFF32",
      "R_X86_64_GOTTPOFF", "R_X86_64_TPOFF32", "R_X86_64_PC64", "R_X86_64_GOTOFF64", "R_X86_64_GOTPC32",
      "R_X86_64_GOT64", "R_X86_64_GOTPCREL64", "R_X86_64_GOTPC64", "R_X86_64_GOTPLT64", "R_X86_64_PLTOFF64",
      "R_X86_64_SIZE32", "R_X86_64_SIZE64", "R_X86_64_GOTPC32_TLSDESC", "R_X86_64_TLSDESC_CALL",
      "R_X86_64_TLSDESC", "R_X86_64_IRELATIVE", "R_X86_64_RELATIVE64", "", "", "R_X86_64_GOTPCRELX",
      "R_X86_64_REX_GOTPCRELX",
    ]
  }

  /// i386 psABI 1.1, table 2.12, from 0.
  private static var i386Names: [String] {
    [
      "R_386_NONE", "R_386_32", "R_386_PC32", "R_386_GOT32", "R_386_PLT32", "R_386_COPY", "R_386_GLOB_DAT",
      "R_386_JUMP_SLOT", "R_386_RELATIVE", "R_386_GOTOFF", "R_386_GOTPC",
    ]
  }

  /// ELF for the Arm 64-bit Architecture, 5.7: the static absolute types and the dynamic ones.
  private var aarch64Name: String? {
    switch rawValue {
    case 0, 256: "R_AARCH64_NONE"
    case 257: "R_AARCH64_ABS64"
    case 258: "R_AARCH64_ABS32"
    case 259: "R_AARCH64_ABS16"
    case 260: "R_AARCH64_PREL64"
    case 261: "R_AARCH64_PREL32"
    case 275: "R_AARCH64_ADR_PREL_PG_HI21"
    case 277: "R_AARCH64_ADD_ABS_LO12_NC"
    case 282: "R_AARCH64_JUMP26"
    case 283: "R_AARCH64_CALL26"
    case 1024: "R_AARCH64_COPY"
    case 1025: "R_AARCH64_GLOB_DAT"
    case 1026: "R_AARCH64_JUMP_SLOT"
    case 1027: "R_AARCH64_RELATIVE"
    case 1032: "R_AARCH64_IRELATIVE"
    default: nil
    }
  }

  /// RISC-V ELF psABI, table 3: the types that dynamic relocations use.
  private var riscvName: String? {
    switch rawValue {
    case 0: "R_RISCV_NONE"
    case 1: "R_RISCV_32"
    case 2: "R_RISCV_64"
    case 3: "R_RISCV_RELATIVE"
    case 4: "R_RISCV_COPY"
    case 5: "R_RISCV_JUMP_SLOT"
    case 58: "R_RISCV_IRELATIVE"
    default: nil
    }
  }
}
