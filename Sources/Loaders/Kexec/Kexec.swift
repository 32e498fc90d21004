import KernelImage
import Placement

/// kexec-tools 2.0.25 on x86-64: `kexec -c -l`, the system call `kexec_load` and what the running kernel does with it.
///
/// Modelled are its file types in the order in which it tries them without `--type`: multiboot2-x86, elf-x86_64,
/// multiboot-x86, elf-x86, bzImage64, bzImage, beoboot-x86 and nbi-x86. Modules are given to it as `--module` and the
/// first of them as `--initrd` too: each file type looks at the one that it knows. The firmware's map is the machine's,
/// and the machine has no EFI.
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
  /// - Parameter arguments: for elf-x86_64 and elf-x86 only.
  public static func load(
    _ image: RawSpan, _ request: LoaderRequest, arguments: Arguments = .elf
  ) -> LoaderOutcome {
    do throws(Stop) {
      var load = KexecLoad(request, size: UInt64(image.byteCount), arguments)
      switch try probe(image, request) {
      case .multiboot2(let elf, let header): try load.multiboot2(elf, header)
      case .elf64(let elf): try load.elf64(elf)
      case .multiboot(let elf, let header): try load.multiboot(elf, header)
      case .elf32(let elf): try load.elf32(elf)
      case .bzImage64: try load.bzImage64(KexecBzImage(image))
      case .bzImage: try load.bzImage(KexecBzImage(image))
      case .beoboot(let part): try load.beoboot(image, part)
      case .netBoot: try load.netBoot(image)
      }
      return .loads(try load.finish())
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

  static func rule(_ text: String, _ file: String) -> Rule {
    Rule(text, source: "kexec-tools 2.0.25, \(file)")
  }

  /// What the program prints when the system call gives EINVAL.
  static var kernelRefuses: String { "kexec_load failed: Invalid argument" }

  /// What printf's %p writes.
  static func pointer(_ value: UInt64) -> String { value == 0 ? "(nil)" : hex(value) }
}
