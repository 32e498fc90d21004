import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenOld {
  /// From p_paddr to guest virtual addresses (`parseelfimage`).
  mutating func place(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let base = (wishes.base ?? 0) & mask
    try checkOffset()
    // Read as a virtual address, p_paddr keeps its value.
    offset = (wishes.offset ?? (wishes.hasNotes ? 0 : base)) & mask
    let shift = rules == .march2006 ? 0 : base &- offset
    kernelStart = mask
    for (index, segment) in file.loadable(rules.loadableFlags, in: bytes) {
      let address = (segment.physicalAddress &+ shift) & mask
      let end = (address &+ segment.memorySize) & mask
      if rules == .may21 || rules == .august, end < address { throw tooLarge(index, segment) }
      kernelStart = min(kernelStart, address)
      kernelEnd = max(kernelEnd, end)
    }
    switch rules {
    case .march2006: start = wishes.base.map { $0 & mask } ?? kernelStart
    // A base of 0 counted as none.
    case .may11: start = base == 0 ? kernelStart : base
    case .may21:
      start = wishes.base == nil ? kernelStart : base
      if wishes.offset == nil { offset = start }
    default: start = base
    }
    entry = (wishes.entry ?? file.entry ?? 0) & mask
    try checkExtent()
  }

  private func checkOffset() throws(XenStop) {
    guard rules == .may21 || rules == .august, wishes.offset != nil, wishes.base == nil else { return }
    throw .refuse(
      rules == .august
        ? "ERROR: Neither ELF_PADDR_OFFSET nor VIRT_BASE found in Xen ELF notes." : "Malformed ELF image.",
      "ELF_PADDR_OFFSET \(hex(wishes.offset ?? 0)), no VIRT_BASE", "an offset needs a base",
      "\(XenSource.oldELF), parseelfimage")
  }

  private func tooLarge(_ index: UInt64, _ segment: LenientELF.Segment) -> XenStop {
    .refuse(
      rules == .august ? "ERROR: ELF program header \(index) is too large." : "Malformed ELF image.",
      "program header \(index), p_paddr \(hex(segment.physicalAddress)), p_memsz \(hex(segment.memorySize))",
      "the end does not wrap", "\(XenSource.oldELF), parseelfimage")
  }

  private func checkExtent() throws(XenStop) {
    let checksBase = rules == .may21 || rules == .august
    guard kernelStart > kernelEnd || entry < kernelStart || entry > kernelEnd || checksBase && start > kernelStart
    else { return }
    throw .refuse(
      rules == .august ? "ERROR: ELF start or entries are out of bounds." : "Malformed ELF image.",
      "v_start \(hex(start)), kernel \(hex(kernelStart)) to \(hex(kernelEnd)), entry \(hex(entry))",
      checksBase ? "v_start <= kernel start <= entry <= kernel end" : "kernel start <= entry <= kernel end",
      "\(XenSource.oldELF), parseelfimage")
  }

  /// `construct_dom0`'s order of 2006: kernel, initrd, list, start information of a page, tables, stack. The base goes
  /// down to a multiple of 4 MiB.
  func arrange(_ request: LoaderRequest) throws(XenStop) -> XenArrangement {
    let base = start & ~((4 << 20) - 1)
    let sizes = XenSizes(
      base: base, kernelStart: kernelStart, kernelEnd: kernelEnd, entry: entry, initrd: request.initrdSize,
      pages: request.pages, is64: is64)
    let arranged = try XenArrangement(old: sizes, tables: tableCount(base), limit: mask)
    let size = arranged.total.count.value
    guard size <= request.pages << 12 else {
      throw .refuse(
        "Initial guest OS requires too much space",
        "mapping of \(hex(size)) bytes, the domain has "
          + "\(hex(request.pages << 12))",
        "the mapping fits the domain", "\(XenSource.oldBuilder), construct_dom0")
    }
    return arranged
  }

  private func tableCount(_ base: UInt64) -> XenTableCount {
    switch processor {
    case .x86_64: .modern(base: base, is64: true)
    case .i386PAE: XenTableCount { end in (end &- base &+ 0x1f_ffff) >> 21 + 5 }
    case .i386: XenTableCount { end in (end &- base &+ 0x3f_ffff) >> 22 + 1 }
    }
  }

  /// `loadelfimage`: straight copies in header order, without a look at bounds.
  func copy(
    _ file: LenientELF, _ bytes: RawSpan, _ arranged: XenArrangement, _ request: LoaderRequest
  ) throws(XenStop) -> [Piece] {
    var pieces = XenPieces(base: arranged.total.start.value, end: arranged.total.endValue)
    for (index, segment) in file.loadable(rules.loadableFlags, in: bytes) {
      let physical = segment.physicalAddress
      let address = (rules == .march2006 ? physical : physical &- offset &+ start) & mask
      guard segment.fileSize <= segment.memorySize || segment.fileSize == 0,
        segment.fileSize == 0 || bytes.holds(segment.fileSize, at: segment.offset),
        segment.memorySize == 0 || pieces.holds(address, segment.memorySize)
      else {
        throw .misbehaves(
          Misbehaviour(
            "reads or writes outside the image and the domain",
            evidence: "program header \(index), p_paddr \(hex(physical)), p_filesz \(hex(segment.fileSize)), p_memsz "
              + "\(hex(segment.memorySize)), p_offset \(hex(segment.offset)), mapping \(hex(pieces.base)) to "
              + hex(pieces.end),
            rule: Rule("no bound is checked", source: "\(XenSource.oldELF), loadelfimage")))
      }
      pieces.add(segment, index: index, at: address)
    }
    if let initrd = arranged.initrd { pieces.addInitrd(at: initrd.start.value, size: request.initrdSize) }
    return pieces.pieces
  }
}

extension XenArrangement {
  /// - Parameter limit: the greatest address of the hypervisor.
  init(old sizes: XenSizes, tables: XenTableCount, limit: UInt64) throws(XenStop) {
    var cursor = XenCursor(position: sizes.kernelEnd)
    cursor.align(to: 4096)
    let initrdStart = cursor.position
    cursor.add(sizes.initrd)
    cursor.align(to: 4096)
    let listStart = cursor.position
    let listSize = sizes.pages &* (sizes.is64 ? 8 : 4)
    cursor.add(listSize)
    cursor.align(to: 4096)
    let infoStart = cursor.position
    cursor.add(4096)
    let counted = XenArrangement.tables(at: cursor.position, tables)
    guard !cursor.wraps, let counted, counted.end <= limit, counted.end >= sizes.base else {
      throw XenArrangement.beyondCounting(sizes)
    }
    func range(_ start: UInt64, _ count: UInt64) -> VirtualRange {
      VirtualRange(uncheckedStart: VirtualAddress(unchecked: start), count: ByteCount(count))
    }
    let tableEnd = cursor.position + counted.pages << 12
    kernel = range(sizes.kernelStart, sizes.kernelEnd &- sizes.kernelStart)
    initrd = sizes.initrd == 0 ? nil : range(initrdStart, sizes.initrd)
    physicalToMachine = range(listStart, listSize)
    startInfo = range(infoStart, 4096)
    pageTables = range(cursor.position, counted.pages << 12)
    stack = range(tableEnd, 4096)
    total = range(sizes.base, counted.end - sizes.base)
    entry = VirtualAddress(unchecked: sizes.entry)
    // The chunk holds the whole, a power of two of pages.
    let needed = max(1, total.count.value >> 12)
    let chunk: UInt64 = 1 << UInt64(64 - (needed - 1).leadingZeroBitCount)
    pagesToBeAllocated = sizes.pages > chunk ? sizes.pages - chunk : 0
    printsEmptyInitrd = true
    digits = sizes.is64 ? 16 : 8
  }
}
