import Addresses
import BootProtocols
import KernelImage
import Placement

/// libxc's builder of domains in 2006 (tools/libxc: `parseelfimage` and `loadelfimage` of xc_load_elf.c, `setup_guest`
/// of xc_linux_build.c).
///
/// The request's machine is the domain, and a piece's destination a pseudo-physical address, as with today's builder.
/// Only what the image, the initrd and the tables take is written: bytes between are those that the hypervisor left in
/// the domain's pages. Sums are as wide as the tool. Images that are not ELF files (ReactOS', Plan 9's) are not
/// modelled: they are refused. The first rules are those of the spring of 2006 with its check of PAE (6ca8eebc9b, 7
/// April); the last are those of 23 August: by December the header's refusals had other words (b07ced9c1f, e6be7d74b9).
extension XenDomU {
  /// What the builder of a set of rules does with an image.
  public static func load(_ image: RawSpan, _ request: LoaderRequest, rules: XenRules) -> LoaderOutcome {
    domain(image, request, rules: rules).outcome
  }

  /// What becomes of an image under a set of rules, and where the domain's parts lie.
  ///
  /// - Parameters:
  ///   - rules: whose builder; the modern one is that of Xen 4.17.
  ///   - host: what the hypervisor and the tool were built for; the modern one does not ask.
  public static func domain(
    _ image: RawSpan, _ request: LoaderRequest, rules: XenRules, host: XenHost = XenHost()
  ) -> XenDomUVerdict {
    guard rules != .modern else { return domain(image, request) }
    let file = LenientELF(image)
    var builder = XenOldDomU(rules: rules, is64: host.processor.map { $0 == .x86_64 } ?? file.is64)
    let outcome: LoaderOutcome
    do throws(XenStop) {
      outcome = .loads(try builder.build(file, image, request, host))
    } catch {
      switch error {
      case .refuses(let refusal): outcome = .refuses(refusal)
      case .misbehaves(let misbehaviour): outcome = .misbehaves(misbehaviour)
      }
    }
    return XenDomUVerdict(outcome: outcome, segments: builder.segments, broken: nil)
  }
}

extension XenRules {
  /// The builder of other domains that goes with this one of the first.
  var domUName: LoaderName {
    switch self {
    case .march2006: .xenDomU2006March
    case .may11: .xenDomU2006May11
    case .may21: .xenDomU2006May21
    case .august: .xenDomU2006August
    case .modern: .xenDomU
    }
  }

  /// Where a function of libxc is found: the changeset that ends the first set of rules, or begins another.
  func libxc(_ place: String) -> String {
    switch self {
    case .march2006: "Xen before 15efc30a11, tools/libxc/\(place)"
    case .may11: "Xen 15efc30a11, tools/libxc/\(place)"
    case .may21: "Xen ed7041aaff, tools/libxc/\(place)"
    case .august, .modern: "Xen 9c85fccedd, tools/libxc/\(place)"
    }
  }
}

/// A domain under construction.
struct XenOldDomU {
  let rules: XenRules
  let is64: Bool
  /// Greatest value of the tool's `unsigned long`.
  let mask: UInt64
  var wishes = XenOldDomUWishes()
  /// Guest virtual address of pseudo-physical 0 (`v_start`).
  var start: UInt64 = 0
  /// What is taken off p_paddr for a pseudo-physical address (`elf_paddr_offset`).
  var offset: UInt64 = 0
  var kernelStart: UInt64 = 0
  var kernelEnd: UInt64 = 0
  var entry: UInt64 = 0
  /// The end of the symbol tables, or of the kernel.
  var end: UInt64 = 0
  var segments: [XenDomUSegment] = []

  init(rules: XenRules, is64: Bool) {
    self.rules = rules
    self.is64 = is64
    mask = is64 ? .max : 0xffff_ffff
  }

  var elfSource: String { rules.libxc("xc_load_elf.c, parseelfimage") }
  var guestSource: String { rules.libxc("xc_linux_build.c, setup_guest") }

  mutating func build(
    _ file: LenientELF, _ bytes: RawSpan, _ request: LoaderRequest, _ host: XenHost
  ) throws(XenStop) -> LoadPlan {
    try checkHeader(file, bytes)
    try checkTableBounds(file, bytes)
    wishes = try XenOldDomUWishes(file, bytes, rules, mask: mask)
    try place(file, bytes)
    let symbols = try XenOldSymbols(file, bytes, self)
    end = symbols?.end ?? kernelEnd
    try checkPage(host)
    try arrange(request)
    var prediction = LoadPlan(
      loader: rules.domUName,
      reading: "Xen PV domU, \(is64 ? "64-bit" : "32-bit"), \(wishes.hasNotes ? "ELF notes" : "__xen_guest")",
      machine: request.machine, entry: entryState)
    try copy(file, bytes, pages: request.pages, into: &prediction)
    try symbols?.copy(bytes, from: start, pages: request.pages, into: &prediction)
    addInitrd(request, to: &prediction)
    try checkTables()
    try remark(file, bytes, request, &prediction)
    return prediction
  }

  private var entryState: EntryState {
    func start(of name: String) -> UInt64 { segments.first { $0.name == name }?.range.start.value ?? 0 }
    return EntryState(
      xen: entry, stack: (start(of: "boot stack") &+ 4096) & mask, info: start(of: "start info"), is64: is64)
  }

  /// A table's end by C's `int` product of two 16-bit fields, which may be negative.
  private func tableEnd(_ offset: UInt64?, _ count: UInt64?, _ size: UInt64?) -> UInt64 {
    let product = Int32(truncatingIfNeeded: (count ?? 0) &* (size ?? 0))
    return ((offset ?? 0) &+ UInt64(bitPattern: Int64(product))) & mask
  }

  private func checkHeader(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    guard file.hasMagic else {
      throw .refuse(
        "Unrecognized image format", "e_ident", "the magic of an ELF file",
        rules.libxc("xc_linux_build.c, probeimageformat"))
    }
    guard bytes.byteCount >= (is64 ? 64 : 52) else {
      throw readsBehind("file size \(hex(UInt64(bytes.byteCount))), an ELF header")
    }
    let machine = file.machine ?? 0
    guard file.fileClass == (is64 ? 2 : 1), machine == (is64 ? 62 : 3), file.data == 1, file.type == 2 else {
      throw .refuse(
        "Kernel not a Xen-compatible Elf image.",
        "e_ident[EI_CLASS] \(file.fileClass ?? 0), e_ident[EI_DATA] \(file.data ?? 0), e_type \(file.type ?? 0), "
          + "e_machine \(machine)",
        "class and machine of the tool, little-endian, ET_EXEC", elfSource)
    }
  }

  private func checkTableBounds(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let size = UInt64(bytes.byteCount)
    guard tableEnd(file.programHeaderOffset, file.programHeaderCount, file.programHeaderEntrySize) <= size else {
      throw .refuse(
        "ELF program headers extend beyond end of image.",
        "e_phoff \(hex(file.programHeaderOffset ?? 0)), e_phnum \(file.programHeaderCount ?? 0)",
        "the table ends in the file", elfSource)
    }
    guard tableEnd(file.sectionHeaderOffset, file.sectionHeaderCount, file.sectionHeaderEntrySize) <= size else {
      throw .refuse(
        "ELF section headers extend beyond end of image.",
        "e_shoff \(hex(file.sectionHeaderOffset ?? 0)), e_shnum \(file.sectionHeaderCount ?? 0)",
        "the table ends in the file", elfSource)
    }
    guard file.sectionNameIndex != 0 else {
      throw .refuse(
        "ELF image has no section-header strings table (shstrtab).", "e_shstrndx 0", "an index", elfSource)
    }
    // Whether the last header lies in the file as a whole is not asked: e_phentsize may be too small.
    for index in 0..<(file.programHeaderCount ?? 0) where file.segment(index, in: bytes) == nil {
      throw readsBehind("program header \(index), e_phentsize \(file.programHeaderEntrySize ?? 0)")
    }
  }

  func readsBehind(_ evidence: String) -> XenStop {
    .misbehaves(
      Misbehaviour(
        "reads memory behind the image", evidence: evidence,
        rule: Rule("what a header names is read wherever it lies", source: elfSource)))
  }

  /// What `setup_guest` asks before it arranges. An image's features never stop it: `parse_features` returns an error,
  /// which counts as success, and what the image requires it also supports.
  private func checkPage(_ host: XenHost) throws(XenStop) {
    guard start & 4095 == 0 else {
      throw .refuse(
        "Guest OS must load to a page boundary.", "v_start \(hex(start))", "a multiple of 0x1000", guestSource)
    }
    // The host of 32-bit images without a host of its own is the one that they ask for.
    let hostHasPAE = !is64 && (host.processor.map { $0 == .i386PAE } ?? wishes.pae)
    guard wishes.pae != hostHasPAE else { return }
    throw .refuse(
      wishes.pae ? "PAE-kernel on non-PAE host." : "Non PAE-kernel on PAE host.",
      "PAE=\(wishes.pae ? "yes" : "no")", is64 ? "a 64-bit host is none with PAE" : "both or neither",
      rules.libxc("xc_linux_build.c, compat_check"))
  }
}
