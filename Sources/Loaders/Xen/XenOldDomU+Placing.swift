import Addresses
import KernelImage
import Placement

extension XenOldDomU {
  /// From p_paddr to guest virtual addresses (`parseelfimage`).
  mutating func place(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let checks = rules == .may21 || rules == .august
    if checks, wishes.offset != nil, wishes.base == nil {
      throw .refuse(
        rules == .august
          ? "Neither ELF_PADDR_OFFSET nor VIRT_BASE found in ELF  notes or __xen_guest section."
          : "Malformed ELF image.", "ELF_PADDR_OFFSET \(hex(wishes.offset ?? 0)), no VIRT_BASE",
        "an offset needs a base", elfSource)
    }
    let base = wishes.base ?? 0
    offset = wishes.offset ?? (wishes.hasNotes ? 0 : base)
    let shift = rules == .march2006 ? 0 : base &- offset
    kernelStart = mask
    for (index, segment) in file.loadable(rules.loadableFlags, in: bytes) {
      let address = (segment.physicalAddress &+ shift) & mask
      let end = (address &+ segment.memorySize) & mask
      if checks, end < address {
        throw .refuse(
          rules == .august ? "ELF program header \(index) is too large." : "Malformed ELF image.",
          "program header \(index), p_paddr \(hex(segment.physicalAddress)), p_memsz \(hex(segment.memorySize))",
          "the end does not wrap", elfSource)
      }
      kernelStart = min(kernelStart, address)
      kernelEnd = max(kernelEnd, end)
    }
    start = virtualStart
    // Without a base, 11 May left the offset 0 although the base became the kernel's start.
    if rules == .march2006 || rules == .may21 && wishes.offset == nil { offset = start }
    entry = wishes.entry ?? file.entry ?? 0
    try checkExtent(start <= kernelStart || !checks)
  }

  private var virtualStart: UInt64 {
    switch rules {
    case .march2006, .may21: wishes.base ?? kernelStart
    // A base of 0 counted as none.
    case .may11: wishes.base.flatMap { $0 == 0 ? nil : $0 } ?? kernelStart
    case .august, .modern: wishes.base ?? 0
    }
  }

  private func checkExtent(_ startFits: Bool) throws(XenStop) {
    guard kernelStart > kernelEnd || entry < kernelStart || entry > kernelEnd || !startFits else { return }
    throw .refuse(
      rules == .august ? "ELF start or entries are out of bounds." : "Malformed ELF image.",
      "v_start \(hex(start)), kernel \(hex(kernelStart)) to \(hex(kernelEnd)), entry \(hex(entry))",
      rules == .march2006 || rules == .may11
        ? "kernel start <= entry <= kernel end" : "v_start <= kernel start <= entry <= kernel end", elfSource)
  }

  /// Whole pages in order: kernel, initrd, list, start information, store page, console page, for a translated domain
  /// the page of shared information, tables, stack (`setup_guest`).
  mutating func arrange(_ request: LoaderRequest) throws(XenStop) {
    var position = (end &+ 4095) & ~4095 & mask
    if rules == .august, position == 0 {
      throw .refuse(
        "End of mapped kernel image too close to end of memory", "v_end \(hex(end))", "a page's end that does not wrap",
        guestSource)
    }
    var parts = [part("kernel", kernelStart, end &- kernelStart)]
    let initrd = request.initrdSize
    let list = request.pages &* (is64 ? 8 : 4)
    var sizes = [("module0", initrd), ("phys2mach", list), ("start info", 4096), ("xenstore", 4096), ("console", 4096)]
    if wishes.isTranslated { sizes.append(("shared info", 4096)) }
    for (name, size) in sizes {
      if name != "module0" || size > 0 { parts.append(part(name, position, size)) }
      try advance(&position, by: size.roundedUp(to: 4096))
    }
    let (pages, total) = try tables(at: position)
    let size = (total &- start) & mask
    guard size >> 12 <= request.pages else {
      throw .refuse(
        "Initial guest OS requires too much space",
        "mapping of \(hex(size)) bytes, the domain has \(hex(request.pages << 12))", "the mapping fits the domain",
        guestSource)
    }
    parts.append(part("page tables", position, pages << 12))
    parts.append(part("boot stack", (position &+ pages << 12) & mask, 4096))
    let stackEnd = (position &+ (pages + 1) << 12) & mask
    parts.append(part("padding", stackEnd, total &- stackEnd))
    segments = parts
  }

  private func part(_ name: String, _ address: UInt64, _ size: UInt64) -> XenDomUSegment {
    let count = size & mask
    return XenDomUSegment(
      name: name, range: VirtualRange(uncheckedStart: VirtualAddress(unchecked: address), count: ByteCount(count)),
      frame: ((address &- start) & mask) >> 12, pages: count >> 12 + (count & 4095 == 0 ? 0 : 1))
  }

  /// Until June 2006 sums wrapped; August's builder stops even at 0 (`increment_ulong`).
  private func advance(_ position: inout UInt64, by count: UInt64) throws(XenStop) {
    guard rules != .august || count & mask < (0 &- position) & mask else {
      throw .refuse(
        "Value wrapped to zero: image too large?", "\(hex(position)) and \(hex(count)) bytes more",
        "sums stay below the greatest address", rules.libxc("xc_linux_build.c, increment_ulong"))
    }
    position = (position &+ count) & mask
  }

  /// The least count of tables, at least 2, that maps the whole with itself, a stack page and at least 512 KiB behind,
  /// up to a multiple of 4 MiB; and the end of what it maps. libxc tries every count in turn; one too small by n makes
  /// the next n - 1 too small as well.
  private func tables(at position: UInt64) throws(XenStop) -> (pages: UInt64, end: UInt64) {
    var pages: UInt64 = 2
    for _ in 0..<64 {
      var end = position
      try advance(&end, by: (pages + 1) << 12)
      let stackEnd = end
      try advance(&end, by: 0x3f_ffff)
      end &= ~0x3f_ffff
      if (end &- stackEnd) & mask < 512 << 10 { try advance(&end, by: 4 << 20) }
      let needed = tableCount(end)
      if needed <= pages { return (pages, end) }
      // Counting on by one takes hours from here.
      guard needed < 1 << 32 else { break }
      pages = needed
    }
    throw .misbehaves(
      Misbehaviour(
        "counts page tables for an address space that no domain has",
        evidence: "v_start \(hex(start)), tables from \(hex(position))",
        rule: Rule("one table more until the tables map themselves, without a bound", source: guestSource)))
  }

  /// How many tables libxc takes for a mapping from the start to an end.
  private func tableCount(_ end: UInt64) -> UInt64 {
    let size = (end &- start) & mask
    let isFirst = rules == .march2006 || rules == .may11
    guard !is64 else { return 1 + spans(end, 39) + spans(end, 30) + spans(end, 21) }
    guard wishes.pae else { return 1 + (isFirst ? ((size &+ 0x3f_ffff) & mask) >> 22 : spans(end, 22)) }
    // One second level is assumed, for the kernel's place in the fourth gibibyte.
    guard !isFirst else { return ((size &+ 0x1f_ffff) & mask) >> 21 + 2 }
    return 1 + spans(end, 30) + spans(end, 21) + (end <= 0xc000_0000 ? 1 : 0)
  }

  /// Entries of 2ˢ bytes from the start to an end, as NR counts them.
  private func spans(_ end: UInt64, _ shift: UInt64) -> UInt64 {
    let below: UInt64 = 1 << shift - 1
    return (((end &+ below) & ~below &- (start & ~below)) & mask) >> shift
  }

  /// What goes wrong behind the count of 32-bit domains with PAE until 20 May 2006: the hypervisor pins no tables
  /// without a second level for the fourth gibibyte (`create_pae_xen_mappings`: "PAE L3 3rd slot is empty"), nor those of
  /// which one lies in the stack's page, which is mapped writable.
  func checkTables() throws(XenStop) {
    guard !is64, wishes.pae, rules == .march2006 || rules == .may11, !wishes.isTranslated,
      let last = segments.last, let tables = segments.first(where: { $0.name == "page tables" })
    else { return }
    let end = last.range.endValue & mask
    let needed = 1 + spans(end, 30) + spans(end, 21)
    guard (end &- 1) & mask < 0xc000_0000 || needed > tables.pages else { return }
    throw .refuse(
      "Error constructing guest OS",
      "mapping from \(hex(start)) to \(hex(end)), \(tables.pages) tables, \(needed) needed",
      "PAE tables have a second level for 0xc0000000, and are pinned", rules.libxc("xc_linux_build.c, pin_table"))
  }
}
