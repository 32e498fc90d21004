import KernelImage
import Placement

/// An ELF file as kexec-tools sees it: either class, either byte order (kexec/kexec-elf.c, build_elf_info;
/// kexec/kexec-elf-exec.c, build_elf_exec_info).
struct KexecELF {
  enum Reading {
    case isELF(KexecELF)
    /// What kexec says, or would say with its probes' messages on, and the field that it is about.
    case isNot(words: String, evidence: String)
  }

  let is64: Bool
  let isBigEndian: Bool
  let type, machine, entry: UInt64
  var segments: [LenientELF.Segment] = []

  /// EM_386, EM_486 or EM_X86_64.
  var isX86: Bool { machine == 3 || machine == 6 || machine == 62 }

  /// The highest address that kexec may give to what goes with the file (kexec/kexec-elf.c, elf_max_addr).
  var greatestAddress: UInt64 { is64 ? .max : 0xffff_ffff }

  static func parse(_ bytes: RawSpan) throws(Kexec.Stop) -> Reading {
    do throws(KexecELFFailure) {
      return .isELF(try KexecELF(LenientELF(bytes), in: bytes))
    } catch {
      switch error.effect {
      case .refusal: return .isNot(words: error.words, evidence: error.evidence)
      case .wild:
        throw Kexec.Stop(
          misbehaves: "reads outside the file", evidence: error.evidence,
          rule: Kexec.rule("sums of offsets and sizes wrap before they are compared", "kexec/kexec-elf.c"))
      case .missingTable:
        throw Kexec.Stop(
          misbehaves: "crashes", evidence: error.evidence,
          rule: Kexec.rule(
            "a table at offset 0 is not read, but searched for notes", "kexec/kexec-elf.c, build_mem_notes"))
      case .farName:
        throw Kexec.Stop(
          misbehaves: "crashes", evidence: error.evidence,
          rule: Kexec.rule(
            "the last byte of a note's name is read where n_namesz says", "kexec/kexec-elf.c, build_mem_notes"))
      }
    }
  }
}

/// Why a file is no ELF file for kexec.
struct KexecELFFailure: Error {
  enum Effect {
    /// kexec notices.
    case refusal
    /// It takes bytes from outside the file, since their end wraps to inside.
    case wild
    /// It looks into a table that it never made.
    case missingTable
    /// It looks for the end of a name 4 GiB away.
    case farName
  }

  let words: String
  let evidence: String
  var effect = Effect.refusal

  init(_ words: String, _ evidence: String) {
    self.words = words
    self.evidence = evidence
  }

  init(_ effect: Effect, _ evidence: String) {
    words = ""
    self.evidence = evidence
    self.effect = effect
  }
}
