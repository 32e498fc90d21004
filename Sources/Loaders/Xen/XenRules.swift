public import Placement

/// Whose rules: Xen's dom0 builder changed how it reads an image four times before it became what it is.
public enum XenRules: CaseIterable, Hashable, Sendable {
  /// Until 11 May 2006 (Xen 3.0.0 to 3.0.2): p_paddr is a guest virtual address.
  case march2006
  /// Until 21 May 2006 (15efc30a11): p_paddr less ELF_PADDR_OFFSET is pseudo-physical.
  case may11
  /// Until 23 August 2006 (e699658dbb, b9cede7418, ed7041aaff): a VIRT_BASE of 0 counts, sums may not wrap.
  case may21
  /// Until January 2007 (b543b44c65, 9c85fccedd): ELF notes come before the string.
  case august
  /// Since January 2007 (eca96c65d9): libelf.
  case modern

  public var name: LoaderName {
    switch self {
    case .march2006: .xenPV2006March
    case .may11: .xenPV2006May11
    case .may21: .xenPV2006May21
    case .august: .xenPV2006August
    case .modern: .xenPV
    }
  }

  /// The rules that a loader's name stands for; nil for loaders that are not Xen's.
  public init?(_ name: LoaderName) {
    guard let rules = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = rules
  }

  /// Which PT_LOAD segments count: p_flags must share a bit with this (PF_X 1, PF_W 2, PF_R 4). A segment that may only
  /// be read did not count in 2006.
  var loadableFlags: UInt64 { self == .modern ? 7 : 3 }
}

/// The hypervisor that loads: what it was built for.
public struct XenHost: Hashable, Sendable {
  public enum Processor: Hashable, Sendable {
    case x86_64
    /// 32-bit hypervisors, until Xen 4.2.
    case i386PAE, i386
  }

  /// The processor of a hypervisor of 2006; nil for the one that the image asks for. A modern one is always x86-64.
  public var processor: Processor?
  /// Whether a modern hypervisor runs 32-bit PV domains (CONFIG_PV32; Debian's does not).
  public var runs32BitDomains: Bool

  public init(processor: Processor? = nil, runs32BitDomains: Bool = true) {
    self.processor = processor
    self.runs32BitDomains = runs32BitDomains
  }
}

/// What Xen makes of an image, and what it prints on the way.
public struct XenVerdict: Sendable {
  public var outcome: LoaderOutcome
  /// Where the parts lie in the guest's virtual memory; nil where Xen gave up earlier. A refusal may follow it.
  public var arrangement: XenArrangement?
  /// The lines about the image on Xen's console with `dom0=verbose`, without "(XEN) ", in order. No machine addresses.
  public var lines: [String]
  /// Why libelf calls the image broken ("Dom0 kernel broken ELF: …"); it boots all the same (XSA-55).
  public var broken: String?
}

/// Why a model ends early.
enum XenStop: Error {
  case refuses(Refusal)
  case misbehaves(Misbehaviour)

  static func refuse(_ words: String, _ evidence: String, _ rule: String, _ source: String) -> XenStop {
    .refuses(Refusal(words, evidence: evidence, rule: Rule(rule, source: source)))
  }
}

enum XenSource {
  static var info: String { "Xen 4.17, xen/common/libelf/libelf-dominfo.c" }
  static var loader: String { "Xen 4.17, xen/common/libelf/libelf-loader.c" }
  static var builder: String { "Xen 4.17, xen/arch/x86/pv/dom0_build.c" }
  static var oldELF: String { "Xen 3.0, xen/common/elf.c" }
  static var oldBuilder: String { "Xen 3.0, xen/arch/x86/domain_build.c" }
  static var guest: String { "Xen 4.17, tools/libs/guest/xg_dom_core.c, xg_dom_x86.c" }
}

/// Xen's `%#lx`: "0" has no prefix.
func alternateHex(_ value: UInt64) -> String { value == 0 ? "0" : hex(value) }
