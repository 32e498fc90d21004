public import Addresses

/// Where the parts of a domain lie when it starts: guest virtual addresses. Pseudo-physical page 0 is at `total.start`,
/// and everything but the p2m list of INIT_P2M is mapped from there in order.
///
///     total.start   kernel   initrd   p2m   start info   page tables   stack   padding   total end
public struct XenArrangement: Hashable, Sendable {
  public var kernel: VirtualRange
  /// nil without an initrd, and where the kernel takes it unmapped (MOD_START_PFN).
  public var initrd: VirtualRange?
  /// The list of machine frames by pseudo-physical frame.
  public var physicalToMachine: VirtualRange
  public var startInfo: VirtualRange
  public var pageTables: VirtualRange
  public var stack: VirtualRange
  public var total: VirtualRange
  public var entry: VirtualAddress
  /// Pages of the domain that are neither in the one chunk nor the initrd's: "(N pages to be allocated)".
  public var pagesToBeAllocated: UInt64
  /// Whether Xen prints a line for the initrd although there is none, as in 2006.
  var printsEmptyInitrd = false
  /// Digits of an address on the console.
  var digits = 16

  /// The lines as Xen prints them, without "(XEN) ".
  public var lines: [String] {
    var lines = [line(" Loaded kernel: ", kernel)]
    if let initrd {
      lines.append(line(" Init. ramdisk: ", initrd))
    } else if printsEmptyInitrd {
      let end = VirtualAddress(unchecked: physicalToMachine.start.value)
      lines.append(line(" Init. ramdisk: ", VirtualRange(uncheckedStart: end, count: .zero)))
    }
    lines.append(line(" Phys-Mach map: ", physicalToMachine))
    lines.append(line(" Start info:    ", startInfo))
    lines.append(line(" Page tables:   ", pageTables))
    lines.append(line(" Boot stack:    ", stack))
    lines.append(line(" TOTAL:         ", total))
    lines.append(" ENTRY ADDRESS: " + padded(entry.value))
    return lines
  }

  private func line(_ name: String, _ range: VirtualRange) -> String {
    name + padded(range.start.value) + "->" + padded(range.endValue)
  }

  private func padded(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
