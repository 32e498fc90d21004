import BootProtocols
import KernelImage
import Placement

/// The crate `linux-loader` of rust-vmm on x86-64, as two virtual machine monitors call it.
///
/// It reads ELF files without looking at p_vaddr and without clearing anything: what p_memsz adds to p_filesz keeps what
/// guest memory held, which is zero in a new guest only.
public enum LinuxLoader {
  /// Who calls the crate, and sets up the processor.
  public enum Monitor: String, CaseIterable, Hashable, Sendable {
    case firecracker = "Firecracker"
    case cloudHypervisor = "Cloud Hypervisor"

    var loader: LoaderName { self == .firecracker ? .firecracker : .cloudHypervisor }
  }

  /// What a monitor does with an image in a guest whose RAM is the usable memory of `request.machine`.
  public static func load(
    _ image: RawSpan, _ request: LoaderRequest, monitor: Monitor
  ) -> LoaderOutcome {
    do throws(Stop) {
      return .loads(try prediction(image, request, monitor))
    } catch {
      return error.outcome
    }
  }

  /// Why an image is not loaded.
  struct Stop: Error {
    let outcome: LoaderOutcome
    /// Whether the file has no ELF magic: Firecracker tries a bzImage then.
    var isForeign = false

    init(_ words: String, evidence: String, rule: Rule) {
      outcome = .refuses(Refusal(words, evidence: evidence, rule: rule))
    }

    init(misbehaves effect: String, evidence: String, rule: Rule) {
      outcome = .misbehaves(Misbehaviour(effect, evidence: evidence, rule: rule))
    }
  }

  static func rule(_ text: String, _ file: String = "elf/mod.rs") -> Rule {
    Rule(text, source: "rust-vmm/linux-loader, src/loader/\(file)")
  }

  /// Where "high memory" starts for both monitors: the lowest address of an entry.
  static var highMemoryStart: UInt64 { 0x10_0000 }

  private static func prediction(
    _ image: RawSpan, _ request: LoaderRequest, _ monitor: Monitor
  ) throws(Stop) -> LoadPlan {
    let kernel: ELFKernel
    do throws(Stop) {
      kernel = try loadELF(image, request)
    } catch {
      // Firecracker falls back for files without the magic, Cloud Hypervisor after any error.
      guard error.isForeign || monitor == .cloudHypervisor else { throw error }
      return try loadBzImage(image, request, monitor)
    }
    return try enter(kernel, request, monitor)
  }
}
