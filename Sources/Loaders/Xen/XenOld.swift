import Addresses
import BootProtocols
import KernelImage
import Placement

/// The builders of 2006: `parseelfimage` and `loadelfimage` of xen/common/elf.c, `construct_dom0` of
/// xen/arch/x86/domain_build.c. Sums are as wide as the hypervisor.
struct XenOld {
  let rules: XenRules
  let processor: XenHost.Processor
  /// Greatest value of the hypervisor's `unsigned long`.
  let mask: UInt64
  var wishes = XenOldWishes()
  var start: UInt64 = 0
  var offset: UInt64 = 0
  var kernelStart: UInt64 = 0
  var kernelEnd: UInt64 = 0
  var entry: UInt64 = 0
  var arrangement: XenArrangement?

  var is64: Bool { processor == .x86_64 }

  static func verdict(
    _ image: RawSpan, _ request: LoaderRequest, rules: XenRules, _ host: XenHost
  ) -> XenVerdict {
    let file = LenientELF(image)
    var model = XenOld(rules: rules, processor: host.processor ?? XenOld.processor(for: file, image))
    var lines: [String] = []
    let outcome: LoaderOutcome
    do throws(XenStop) {
      outcome = .loads(try model.load(file, image, request))
    } catch {
      switch error {
      case .refuses(let refusal):
        lines.append(refusal.words)
        outcome = .refuses(refusal)
      case .misbehaves(let misbehaviour): outcome = .misbehaves(misbehaviour)
      }
    }
    lines.insert(contentsOf: model.arrangement?.lines ?? [], at: 0)
    return XenVerdict(outcome: outcome, arrangement: model.arrangement, lines: lines, broken: nil)
  }

  private init(rules: XenRules, processor: XenHost.Processor) {
    self.rules = rules
    self.processor = processor
    mask = processor == .x86_64 ? .max : 0xffff_ffff
  }

  /// The hypervisor that an image was made for.
  private static func processor(for file: LenientELF, _ bytes: RawSpan) -> XenHost.Processor {
    guard !file.is64 else { return .x86_64 }
    let section = try? file.oldGuestSection(in: bytes)
    let text = section.flatMap { CText(in: bytes, at: $0.offset, limit: UInt64(bytes.byteCount)) }
    return text?.index(of: "PAE=yes") == nil ? .i386 : .i386PAE
  }

  private mutating func load(_ file: LenientELF, _ bytes: RawSpan, _ request: LoaderRequest) throws(XenStop)
    -> LoadPlan
  {
    try checkHeader(file, bytes)
    wishes = try XenOldWishes(file, bytes, rules)
    try place(file, bytes)
    try checkBuilder()
    // The symbol table's room is the hypervisor's business of another file: its layout of then is not modelled.
    if wishes.hasSymbols {
      throw .misbehaves(
        Misbehaviour(
          "copies symbol tables whose place is not modelled", evidence: "BSD_SYMTAB",
          rule: Rule("symbols stand behind the kernel", source: "\(XenSource.oldELF), loadelfsymtab")))
    }
    let arranged = try arrange(request)
    arrangement = arranged
    try checkMapping(arranged)
    var prediction = LoadPlan(
      loader: rules.name,
      reading: "Xen PV, \(is64 ? "ELF64" : "ELF32"), \(wishes.hasNotes ? "ELF notes" : "__xen_guest")",
      machine: request.machine, entry: EntryState(xen: arranged, is64: is64))
    prediction.pieces = try copy(file, bytes, arranged, request)
    let pseudoEntry = entry &- arranged.total.start.value
    prediction.remarkOnPieces(entryAt: pseudoEntry, modules: request.modules.count, source: XenSource.oldBuilder)
    remarkOnIgnored(file, bytes, &prediction)
    prediction.remarkOnGaps(source: XenSource.oldBuilder)
    prediction.decisions = decisions + arranged.decisions
    return prediction
  }

  /// `elf_sanity_check` and the bounds of the tables.
  private func checkHeader(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let machine = file.machine ?? 0
    guard file.hasMagic, file.fileClass == (is64 ? 2 : 1), file.data == 1, file.type == 2, machine == (is64 ? 62 : 3)
    else {
      throw .refuse(
        "DOM0 image is not a Xen-compatible Elf image.",
        "e_ident[EI_CLASS] \(file.fileClass ?? 0), e_ident[EI_DATA] \(file.data ?? 0), e_type \(file.type ?? 0), "
          + "e_machine \(machine)",
        "class and machine of the hypervisor, little-endian, ET_EXEC", "\(XenSource.oldELF), elf_sanity_check")
    }
    let size = UInt64(bytes.byteCount)
    let segments = (file.programHeaderCount ?? 0) * (file.programHeaderEntrySize ?? 0)
    if ((file.programHeaderOffset ?? 0) &+ segments) & mask > size {
      throw .refuse(
        "ELF program headers extend beyond end of image.", "e_phoff \(hex(file.programHeaderOffset ?? 0))",
        "the table ends in the file", "\(XenSource.oldELF), parseelfimage")
    }
    let sections = (file.sectionHeaderCount ?? 0) * (file.sectionHeaderEntrySize ?? 0)
    if ((file.sectionHeaderOffset ?? 0) &+ sections) & mask > size {
      throw .refuse(
        "ELF section headers extend beyond end of image.", "e_shoff \(hex(file.sectionHeaderOffset ?? 0))",
        "the table ends in the file", "\(XenSource.oldELF), parseelfimage")
    }
  }

  /// What `construct_dom0` asks before it arranges.
  private func checkBuilder() throws(XenStop) {
    guard wishes.hasText || wishes.hasNotes else {
      throw .refuse(
        "Not a Xen-ELF image: '__xen_guest' section not found.", "section names", "the section is there",
        "\(XenSource.oldBuilder), construct_dom0")
    }
    guard !is64, wishes.pae != (processor == .i386PAE) else { return }
    func word(_ flag: Bool) -> String { flag ? "yes" : "no" }
    throw .refuse(
      "PAE mode mismatch between Xen and DOM0 (xen=\(word(processor == .i386PAE)), dom0=\(word(wishes.pae)))",
      "PAE=\(word(wishes.pae))", "both or neither", "\(XenSource.oldBuilder), construct_dom0")
  }

  private func checkMapping(_ arranged: XenArrangement) throws(XenStop) {
    guard processor != .x86_64, arranged.total.start.value < 1 << 30 else { return }
    throw .refuse(
      "Initial loading isn't allowed to lowest 1GB of memory.", "mapping from \(hex(arranged.total.start.value))",
      "at least 0x40000000", "\(XenSource.oldBuilder), construct_dom0")
  }

  private func remarkOnIgnored(_ file: LenientELF, _ bytes: RawSpan, _ prediction: inout LoadPlan) {
    for (index, segment) in file.loadable(7, in: bytes) where segment.flags & 3 == 0 && segment.memorySize > 0 {
      prediction.remarks.append(
        Remark(
          .segmentIgnored, "Segment \(index) is left out: p_flags \(hex(segment.flags)).",
          rule: Rule("PT_LOAD with a bit of W, X", source: "\(XenSource.oldELF), is_loadable_phdr")))
      // One is enough: a file may hold thousands.
      return
    }
  }

  private var decisions: [Decision] {
    let choice =
      rules == .march2006 ? "p_paddr" : "p_paddr - \(hex(offset)) + \(hex(start))"
    return [
      Decision(
        "guest virtual address", choice: choice,
        because: rules == .march2006
          ? "Linux wrote virtual addresses into p_paddr"
          : "ELF_PADDR_OFFSET, or \(rules == .august && wishes.hasNotes ? "0 with notes" : "VIRT_BASE"), is taken off",
        rejected: [.init("p_vaddr", "the builder never reads it")])
    ]
  }
}
