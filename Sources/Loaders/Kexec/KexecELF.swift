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

  /// The highest address that kexec may give to what goes with the file (kexec/kexec-elf.c, elf_max_addr).
  var greatestAddress: UInt64 { is64 ? .max : 0xffff_ffff }

  static func parse(_ bytes: RawSpan) throws(Kexec.Stop) -> Reading {
    do throws(KexecELFFailure) {
      return .isELF(try KexecELF(LenientELF(bytes), in: bytes))
    } catch {
      guard error.isWild else { return .isNot(words: error.words, evidence: error.evidence) }
      throw Kexec.Stop(
        misbehaves: "reads outside the file and crashes", evidence: error.evidence,
        rule: Kexec.rule("sums of offsets and sizes wrap before they are compared", "kexec/kexec-elf.c"))
    }
  }
}

/// Why a file is no ELF file for kexec.
struct KexecELFFailure: Error {
  let words: String
  let evidence: String
  /// Whether kexec does not notice.
  var isWild = false

  init(_ words: String, _ evidence: String) {
    self.words = words
    self.evidence = evidence
  }

  /// Bytes that kexec takes from outside the file, since their end wraps to inside.
  init(wild evidence: String) {
    words = ""
    self.evidence = evidence
    isWild = true
  }
}
