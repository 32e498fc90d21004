import Addresses
import Placement

extension XenArrangement {
  /// Where each part of the domain lies, with the rule that put it there.
  var decisions: [Decision] {
    var parts: [(String, VirtualRange, String)] = [("kernel", kernel, "from the lowest p_paddr to the highest end")]
    if let initrd { parts.append(("initrd", initrd, "the page behind the kernel")) }
    parts += [
      (
        "p2m list", physicalToMachine,
        total.contains(physicalToMachine.start) ? "the page behind the kernel and the initrd" : "INIT_P2M"
      ),
      ("start info", startInfo, "behind what comes before, on a page of its own"),
      ("page tables", pageTables, "as many as map the whole, themselves included"),
      ("boot stack", stack, "one page behind the page tables"),
      ("total", total, "at least 512 KiB behind the stack, to the next multiple of 4 MiB"),
    ]
    return parts.map { part in
      Decision(
        "place of the \(part.0)", choice: "[\(hex(part.1.start.value)), \(hex(part.1.endValue)))",
        because: part.2)
    }
  }
}

extension XenDomUSegment {
  /// Where it lies; each starts at the page behind the one before.
  var decision: Decision {
    Decision(
      "place of \(name)", choice: "[\(hex(range.start.value)), \(hex(range.endValue)))",
      because: "pseudo-physical page \(hex(frame)), \(hex(pages)) pages")
  }
}
