public import Addresses
import BootProtocols
import KernelImage
import Placement

/// How libxenguest builds a paravirtual domain that is not the first ("xc_dom", tools/libs/guest/xg_dom_core.c,
/// xg_dom_x86.c, xg_dom_elfloader.c of Xen 4.17).
///
/// The request's machine is the domain: its usable memory is what the domain gets. A piece's destination is a
/// pseudo-physical address (pfn << 12 + offset). Each segment of the domain is whole pages and cleared first, so that
/// bytes between an image's segments are zero.
///
/// Of a bzImage the image is the unpacked payload: a compressed one is refused, which libxenguest does not do.
public enum XenDomU {
  /// The prediction alone, in the form of the other loaders.
  public static func load(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    domain(image, request).outcome
  }

  /// What becomes of an image, and where the domain's parts lie.
  public static func domain(_ image: RawSpan, _ request: LoaderRequest) -> XenDomUVerdict {
    var builder = XenDomUBuilder(image)
    let outcome: LoaderOutcome
    do throws(XenStop) {
      outcome = .loads(try builder.build(image, request))
    } catch {
      switch error {
      case .refuses(let refusal): outcome = .refuses(refusal)
      case .misbehaves(let misbehaviour): outcome = .misbehaves(misbehaviour)
      }
    }
    return XenDomUVerdict(outcome: outcome, segments: builder.memory.segments, broken: builder.elf.broken)
  }
}

/// What libxenguest makes of an image.
public struct XenDomUVerdict: Sendable {
  public var outcome: LoaderOutcome
  /// The domain's memory from pseudo-physical 0 on, as far as it was arranged.
  public var segments: [XenDomUSegment]
  /// Why libelf calls the image broken ("ELF broken: …"); it boots all the same (XSA-55).
  public var broken: String?

  /// A segment by libxenguest's name for it: "kernel", "module0", "phys2mach", "start info", "xenstore", "console",
  /// "page tables", "boot stack", "padding".
  public subscript(name: String) -> XenDomUSegment? { segments.first { $0.name == name } }
}

/// A run of pages of a domain.
public struct XenDomUSegment: Hashable, Sendable {
  public var name: String
  /// Guest virtual addresses of its contents; its pages may reach further.
  public var range: VirtualRange
  /// Pseudo-physical frame number of its first page.
  public var frame: UInt64
  public var pages: UInt64

  /// libxenguest's line about it.
  public var line: String {
    let padded = name + String(repeating: " ", count: max(0, 12 - name.utf8.count))
    return "xc_dom_alloc_segment:   \(padded) : \(hex(range.start.value)) -> \(hex(range.endValue))  "
      + "(pfn \(hex(frame)) + \(hex(pages)) pages)"
  }
}
