import Addresses
import Placement

/// A domain's pages, handed out in order: `virt_alloc_end` and `pfn_alloc_end` of `struct xc_dom_image`.
struct XenDomUMemory {
  private(set) var segments: [XenDomUSegment] = []
  /// Guest virtual address of the next page.
  var virtualEnd: UInt64 = 0
  /// Frame number of the next page.
  var frameEnd: UInt64 = 0
  var pages: UInt64 = 0
  /// How wide a domain's addresses are, and its tables.
  var is64 = true
  private var mappings: [XenDomUMapping] = []

  /// Adds a segment, at the next page or where its start is told (`xc_dom_alloc_segment`).
  @discardableResult
  mutating func add(_ name: String, at start: UInt64 = 0, size: UInt64) throws(XenStop) -> XenDomUSegment {
    if start != 0 { try pad(to: start) }
    let count = (size &+ 4095) >> 12
    let segment = XenDomUSegment(
      name: name,
      range: VirtualRange(uncheckedStart: VirtualAddress(unchecked: virtualEnd), count: ByteCount(size)),
      frame: frameEnd, pages: count)
    try take(count, name)
    segments.append(segment)
    return segment
  }

  /// Adds pages up to an address (`xc_dom_alloc_pad`).
  mutating func pad(to boundary: UInt64) throws(XenStop) {
    let source = "\(XenSource.guest), xc_dom_alloc_pad"
    guard boundary & 4095 == 0 else {
      throw .refuse(
        "xc_dom_alloc_pad: segment boundary isn't page aligned (\(hex(boundary)))", "start \(hex(boundary))",
        "segments start at a page", source)
    }
    guard boundary >= virtualEnd else {
      throw .refuse(
        "xc_dom_alloc_pad: segment boundary too low (\(hex(boundary)) < \(hex(virtualEnd)))",
        "start \(hex(boundary))", "segments ascend", source)
    }
    let count = (boundary - virtualEnd) >> 12
    let segment = XenDomUSegment(
      name: "padding",
      range: VirtualRange(uncheckedStart: VirtualAddress(unchecked: virtualEnd), count: ByteCount(count << 12)),
      frame: frameEnd, pages: count)
    try take(count, "padding")
    if count > 0 { segments.append(segment) }
  }

  /// `xc_dom_chk_alloc_pages`.
  private mutating func take(_ count: UInt64, _ name: String) throws(XenStop) {
    guard count <= pages, frameEnd <= pages, count <= pages - frameEnd else {
      throw .refuse(
        "xc_dom_chk_alloc_pages: segment \(name) too large (\(hex(count)) > \(hex(pages)) - \(hex(frameEnd)) pages)",
        "\(name), \(hex(count)) pages", "the domain has \(hex(pages)) pages",
        "\(XenSource.guest), xc_dom_chk_alloc_pages")
    }
    frameEnd += count
    virtualEnd &+= count << 12
  }

  /// Tables that map everything, themselves, a stack page and 512 KiB more, up to a multiple of 4 MiB
  /// (`alloc_pgtables_pv`); the end of what they map.
  mutating func addTables(base: UInt64) throws(XenStop) -> UInt64 {
    let extra: UInt64 = 1 + 128
    var count = extra
    // Each round adds what maps the tables of the round before.
    for _ in 0..<64 {
      let last = (virtualEnd &+ count << 12) | 0x3f_ffff
      let mapping = try mapping(from: base, to: last, frame: 0)
      count = mapping.tables + extra
      guard virtualEnd &+ count << 12 <= last &+ 1 else { continue }
      mappings.append(mapping)
      try add("page tables", size: mapping.tables << 12)
      return last + 1
    }
    throw .misbehaves(
      Misbehaviour(
        "counts page tables without end", evidence: "mapping from \(hex(base))",
        rule: Rule("one round more until the tables map themselves", source: "\(XenSource.guest), alloc_pgtables_pv")))
  }

  /// The list of frames at an address of its own, with the tables that map it (`alloc_p2m_list_x86_64`).
  mutating func addList(at base: UInt64, size: UInt64) throws(XenStop) {
    let mapping = try mapping(from: base, to: base &+ size &- 1, frame: frameEnd)
    let segment = try add("phys2mach", size: size &+ mapping.tables << 12)
    mappings.append(mapping)
    segments[segments.count - 1].range = VirtualRange(
      uncheckedStart: VirtualAddress(unchecked: base), count: segment.range.count)
  }

  /// `count_pgtables`: both ends belong to what is mapped.
  private func mapping(from: UInt64, to: UInt64, frame: UInt64) throws(XenStop) -> XenDomUMapping {
    let source = "\(XenSource.guest), count_pgtables"
    let end = frame &+ (to &- from) >> 12
    guard end < pages else {
      throw .refuse(
        "count_pgtables: not enough memory for initial mapping (\(hex(end)) > \(hex(pages)))",
        "mapping from \(hex(from)) to \(hex(to))", "the domain has \(hex(pages)) pages", source)
    }
    for other in mappings where from < other.to && to > other.from {
      throw .refuse(
        "count_pgtables: overlapping mappings", "mapping from \(hex(from)) to \(hex(to))",
        "not in \(hex(other.from)) to \(hex(other.to))", source)
    }
    return XenDomUMapping(from: from, to: to, is64: is64, first: mappings.first)
  }
}

/// The tables of a range, level by level: each level's tables cover a range of their own.
struct XenDomUMapping {
  let from: UInt64
  let to: UInt64
  /// The covered range of level 0 and up; nil where the first mapping's tables do.
  private var levels: [(from: UInt64, to: UInt64)?] = []
  /// Pages of all tables.
  private(set) var tables: UInt64 = 0

  init(from start: UInt64, to end: UInt64, is64: Bool, first: XenDomUMapping?) {
    let mask: UInt64 = is64 ? (1 << 48) - 1 : 0xffff_ffff
    from = start & mask
    to = end & mask
    // The top table belongs to the first mapping.
    tables = first == nil ? 1 : 0
    for level in 0..<(is64 ? 3 : 2) {
      let bits = UInt64(12 + (level + 1) * 9)
      let span: UInt64 = (1 << bits) - 1
      var range = (from: from & ~span, to: to | span)
      // A 32-bit domain has the table of its fourth gibibyte in any case.
      if !is64, first == nil, end < 0xc000_0000, level == 1 { range.to = mask }
      let rest = XenDomUMapping.uncovered(range, first?.levels[level])
      levels.append(rest)
      if let rest { tables += (rest.to - rest.from) >> bits + 1 }
    }
  }

  /// What the first mapping's tables of a level leave of a range.
  private static func uncovered(
    _ range: (from: UInt64, to: UInt64), _ first: (from: UInt64, to: UInt64)?
  ) -> (from: UInt64, to: UInt64)? {
    guard let first else { return range.from < range.to ? range : nil }
    guard range.from < first.from || range.to > first.to else { return nil }
    var rest = range
    if rest.from >= first.from, rest.from <= first.to { rest.from = first.to &+ 1 }
    if rest.to >= first.from, rest.to <= first.to { rest.to = first.from &- 1 }
    return rest.from < rest.to ? rest : nil
  }
}
