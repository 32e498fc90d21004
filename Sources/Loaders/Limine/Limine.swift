public import Addresses
import KernelImage
import Placement

/// Limine's own boot protocol on x86-64, as of October 2024 (version 8).
///
/// The one loader here that places bytes by p_vaddr: the image is one block of physical memory, wherever Limine's
/// allocator finds it, and p_paddr is not read.
public enum Limine {
  /// What Limine draws or its allocator decides.
  public struct Choices: Hashable, Sendable {
    /// Where the block starts; nil for a stand-in: the highest place below 4 GiB that fits.
    public var physicalBase: PhysicalAddress?
    /// The 32-bit random numbers that KASLR draws, in order; nil where KASLR is off.
    public var draws: [UInt32]?

    public init(physicalBase: PhysicalAddress? = nil, draws: [UInt32]? = nil) {
      self.physicalBase = physicalBase
      self.draws = draws
    }
  }

  /// What Limine does with an image on a machine.
  public static func load(
    _ image: RawSpan, _ request: LoaderRequest, choices: Choices = Choices()
  ) -> LoaderOutcome {
    do throws(Stop) {
      let layout = try LimineLayout(image)
      return .loads(try predict(layout, image, request, choices))
    } catch {
      return error.outcome
    }
  }

  /// Why Limine does not load: its panic.
  struct Stop: Error {
    let outcome: LoaderOutcome

    init(_ words: String, evidence: String, rule: Rule) {
      outcome = .refuses(Refusal(words, evidence: evidence, rule: rule))
    }

    init(misbehaves effect: String, evidence: String, rule: Rule) {
      outcome = .misbehaves(Misbehaviour(effect, evidence: evidence, rule: rule))
    }

    /// Limine does not know where the file ends.
    static func outside(_ evidence: String) -> Stop {
      Stop(
        misbehaves: "reads memory behind the file", evidence: evidence,
        rule: Limine.rule("offsets and sizes are not compared with the file's"))
    }
  }

  static func rule(_ text: String, _ file: String = "common/lib/elf.c") -> Rule {
    Rule(text, source: "Limine 8, \(file)")
  }

  /// The lowest address of the half where kernels live (FIXED_HIGHER_HALF_OFFSET_64).
  static var higherHalf: UInt64 { 0xffff_ffff_8000_0000 }
}
