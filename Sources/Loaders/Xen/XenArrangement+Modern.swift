import Addresses
import BootProtocols
import Placement

/// The numbers from which a domain's memory is arranged. Guest virtual addresses; counts of bytes and pages.
struct XenSizes {
  var base: UInt64
  var kernelStart: UInt64
  var kernelEnd: UInt64
  var entry: UInt64
  var initrd: UInt64
  /// Whether the initrd is left outside the mapping.
  var unmappedInitrd = false
  var pages: UInt64
  /// Where the list of frames goes when it is not behind the kernel.
  var listBase: UInt64?
  /// Tables of 64-bit domains and list entries of 8 bytes.
  var is64: Bool
}

/// Sums of addresses that may not wrap: past this, what the real loader does is not worth imitating.
struct XenCursor {
  var position: UInt64
  var wraps = false

  mutating func add(_ count: UInt64) {
    let (sum, overflow) = position.addingReportingOverflow(count)
    position = sum
    wraps = wraps || overflow
  }

  mutating func align(to size: UInt64) {
    add(size - 1)
    position &= ~(size - 1)
  }
}

/// How a rule set counts page tables: from the end of the mapping to pages.
struct XenTableCount {
  var count: (UInt64) -> UInt64

  /// Entries of 2ˢ bytes that [low, high) touches: Xen's NR.
  static func spans(_ low: UInt64, _ high: UInt64, _ shift: UInt64) -> UInt64 {
    guard high > low else { return 0 }
    return ((high - 1) >> shift) - (low >> shift) + 1
  }

  /// A 64-bit domain: an L4, and L3s, L2s and L1s. A 32-bit one on a 64-bit hypervisor: four L2s.
  static func modern(base: UInt64, is64: Bool) -> XenTableCount {
    XenTableCount { end in
      let low = spans(base, end, 21)
      return is64 ? 1 + spans(base, end, 39) + spans(base, end, 30) + low : spans(base, end, 39) + 4 + low
    }
  }
}

extension XenArrangement {
  /// The least count of tables, at least 2, that maps the whole with itself, a stack page and at least 512 KiB behind,
  /// rounded up to 4 MiB. Xen tries every count in turn; a count too small by n makes the next n - 1 too small as well.
  static func tables(at start: UInt64, _ tables: XenTableCount) -> (pages: UInt64, end: UInt64)? {
    var pages: UInt64 = 2
    // Each round adds what maps the tables of the round before, a 512th of it.
    for _ in 0..<64 {
      var end = XenCursor(position: start)
      end.add(pages << 12)
      end.add(4096)
      let stackEnd = end.position
      end.align(to: 4 << 20)
      if end.position &- stackEnd < 512 << 10 { end.add(4 << 20) }
      guard !end.wraps else { return nil }
      let needed = tables.count(end.position)
      if needed <= pages { return (pages, end.position) }
      // Counting on by one takes hours from here.
      guard needed < 1 << 32 else { return nil }
      pages = needed
    }
    return nil
  }

  /// Arranges as `dom0_construct_pv` does (xen/arch/x86/pv/dom0_build.c).
  init(modern sizes: XenSizes) throws(XenStop) {
    var cursor = XenCursor(position: sizes.kernelEnd)
    cursor.align(to: 4096)
    let initrdStart = cursor.position
    if !sizes.unmappedInitrd {
      cursor.add(sizes.initrd)
      cursor.align(to: 4096)
    }
    let listStart = cursor.position
    let listSize = sizes.pages &* (sizes.is64 ? 8 : 4)
    if sizes.listBase == nil { cursor.add(listSize) }
    cursor.align(to: 4096)
    let infoStart = cursor.position
    cursor.add(0x490)
    cursor.align(to: 4096)
    let counted = XenArrangement.tables(
      at: cursor.position, .modern(base: sizes.base, is64: sizes.is64))
    guard !cursor.wraps, let counted else { throw XenArrangement.beyondCounting(sizes) }
    let tableEnd = cursor.position + counted.pages << 12
    func range(_ start: UInt64, _ count: UInt64) -> VirtualRange {
      VirtualRange(uncheckedStart: VirtualAddress(unchecked: start), count: ByteCount(count))
    }
    kernel = range(sizes.kernelStart, sizes.kernelEnd &- sizes.kernelStart)
    initrd = sizes.initrd == 0 || sizes.unmappedInitrd ? nil : range(initrdStart, sizes.initrd)
    physicalToMachine = range(sizes.listBase ?? listStart, listSize)
    // The console's information of the first domain stands behind the structure of 0x490 bytes.
    startInfo = range(infoStart, 0x490 + 0x28)
    pageTables = range(cursor.position, counted.pages << 12)
    stack = range(tableEnd, 4096)
    total = range(sizes.base, counted.end &- sizes.base)
    entry = VirtualAddress(unchecked: sizes.entry)
    pagesToBeAllocated = 0
    try allocate(sizes, initrdPages: sizes.initrd >> 12 + (sizes.initrd & 4095 == 0 ? 0 : 1))
  }

  static func beyondCounting(_ sizes: XenSizes) -> XenStop {
    .misbehaves(
      Misbehaviour(
        "counts page tables for an address space that no domain has",
        evidence: "mapping from \(hex(sizes.base)), kernel to \(hex(sizes.kernelEnd))",
        rule: Rule("one table more until the tables map themselves, without a bound", source: XenSource.builder)))
  }

  /// One chunk of 2ⁿ pages holds everything but the initrd, which stays where the boot loader put it.
  private mutating func allocate(_ sizes: XenSizes, initrdPages: UInt64) throws(XenStop) {
    let bytes = total.count.value - (initrd == nil ? 0 : initrdPages << 12)
    let needed = max(1, (bytes + 4095) >> 12)
    let chunk: UInt64 = 1 << UInt64(64 - (needed - 1).leadingZeroBitCount)
    let (taken, overflow) = chunk.addingReportingOverflow(initrdPages)
    guard !overflow, taken <= sizes.pages else {
      throw .refuse(
        "Domain 0 allocation is too small for kernel image",
        "mapping of \(hex(total.count.value)) bytes, a chunk of \(hex(chunk)) pages, the domain has "
          + hex(sizes.pages),
        "the chunk and the initrd fit the domain", XenSource.builder)
    }
    pagesToBeAllocated = sizes.pages - taken
  }
}
