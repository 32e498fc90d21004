import KernelImage
import Placement

/// kexec-tools 2.0.25 on x86-64: `kexec -l`, the system call `kexec_load` and what the running kernel does with it.
///
/// Modelled are the file types elf-x86_64, multiboot-x86 (ELF images), elf-x86 and bzImage64, tried in that order as
/// kexec does without `--type`. Not modelled: multiboot2-x86, which kexec tries first, and the 32-bit type bzImage, which
/// it tries last.
public enum Kexec {
  /// How an ELF kernel learns where its arguments are: `--args-elf` (what kexec does unless told), `--args-linux` and
  /// `--args-none`.
  public enum Arguments: String, CaseIterable, Hashable, Sendable {
    case elf = "--args-elf"
    case linux = "--args-linux"
    case none = "--args-none"
  }

  /// What kexec does with an image on a machine whose RAM is `request.machine`.
  ///
  /// Addresses that depend on what kexec itself puts into memory (purgatory, notes, parameters) are `unspecified`.
  ///
  /// - Parameter arguments: for elf-x86_64 and elf-x86 only.
  public static func load(
    _ image: RawSpan, _ request: LoaderRequest, arguments: Arguments = .elf
  ) -> LoaderOutcome {
    do throws(Stop) {
      let (type, elf) = try probe(image, request)
      guard let elf else { return .loads(try loadBzImage64(image, request)) }
      return .loads(try load(elf, as: type, request, arguments: arguments))
    } catch {
      return error.outcome
    }
  }

  /// Why kexec does not load.
  struct Stop: Error {
    let outcome: LoaderOutcome

    init(_ words: String, evidence: String, rule: Rule) {
      outcome = .refuses(Refusal(words, evidence: evidence, rule: rule))
    }

    init(misbehaves effect: String, evidence: String, rule: Rule) {
      outcome = .misbehaves(Misbehaviour(effect, evidence: evidence, rule: rule))
    }
  }

  /// A file type of kexec-tools (kexec/arch/x86_64/kexec-x86_64.c, `file_type`).
  enum FileType: String {
    case elf64 = "elf-x86_64"
    case multiboot = "multiboot-x86"
    case elf32 = "elf-x86"
    case bzImage64 = "bzImage64"
  }

  static func rule(_ text: String, _ file: String) -> Rule {
    Rule(text, source: "kexec-tools 2.0.25, \(file)")
  }

  /// The first file type that recognises the image, with the ELF file for those that want one.
  private static func probe(_ image: RawSpan, _ request: LoaderRequest) throws(Stop) -> (FileType, KexecELF?) {
    var reason: (words: String, evidence: String)
    switch try KexecELF.parse(image) {
    case .isELF(let elf):
      if elf.machine == 62 { return (.elf64, elf) }
      if elf.machine == 3 || elf.machine == 6 { return (isMultiboot(image) ? .multiboot : .elf32, elf) }
      reason = ("Not i386 ELF executable", "e_machine \(elf.machine)")
    case .isNot(let words, let evidence):
      reason = (words, evidence)
    }
    guard let refused = probeBzImage64(image) else { return (.bzImage64, nil) }
    if image.load(UInt32.self, at: 0) != 0x464c_457f { reason = refused }
    throw Stop(
      "Cannot determine the file type of \(request.imageName)", evidence: "\(reason.evidence): \(reason.words)",
      rule: rule("every file type's probe must fail first", "kexec/kexec.c, my_load"))
  }

  /// Whether a Multiboot header that kexec can serve lies in the first 8 KiB.
  private static func isMultiboot(_ image: RawSpan) -> Bool {
    var offset: UInt64 = 0
    while offset + 12 <= min(8192, UInt64(image.byteCount)) {
      defer { offset += 4 }
      guard let magic = image.load(UInt32.self, at: offset), magic == 0x1bad_b002,
        let flags = image.load(UInt32.self, at: offset + 4), let sum = image.load(UInt32.self, at: offset + 8),
        magic &+ flags &+ sum == 0
      else { continue }
      // Address fields (bit 16) and required features beyond modules, memory and video (bits 3 to 15) end the probe.
      return flags & 0x1_fff8 == 0
    }
    return false
  }
}
