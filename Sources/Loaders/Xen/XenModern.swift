import Addresses
import BootProtocols
import KernelImage
import Placement

/// `dom0_construct_pv` of Xen 4.17 (xen/arch/x86/pv/dom0_build.c) and libelf.
struct XenModern {
  var elf = Libelf()
  var arrangement: XenArrangement?
  private(set) var is64: Bool
  let host: XenHost
  /// Whether the builder would say, leaving here, that libelf found the image broken.
  var saysBroken = false

  static func verdict(_ image: RawSpan, _ request: LoaderRequest, _ host: XenHost) -> XenVerdict {
    var model = XenModern(is64: false, host: host)
    var outcome: LoaderOutcome
    do throws(XenStop) {
      outcome = .loads(try model.load(image, request))
    } catch {
      switch error {
      case .refuses(let refusal):
        model.elf.say(refusal.words)
        outcome = .refuses(refusal)
      case .misbehaves(let misbehaviour): outcome = .misbehaves(misbehaviour)
      }
    }
    if model.saysBroken, let broken = model.elf.broken { model.elf.say("Dom0 kernel broken ELF: \(broken)") }
    return XenVerdict(
      outcome: outcome, arrangement: model.arrangement, lines: model.elf.lines, broken: model.elf.broken)
  }

  private init(is64: Bool, host: XenHost) {
    self.is64 = is64
    self.host = host
  }

  private mutating func load(_ image: RawSpan, _ request: LoaderRequest) throws(XenStop) -> LoadPlan {
    guard let start = try XenBzImage.payload(of: image) else {
      try XenBzImage.checkWhole(image, memory: request.pages << 12)
      return try load(elf: image, request)
    }
    var plan = try load(elf: image.extracting(Int(start)..<image.byteCount), request)
    plan.shiftSources(by: start)
    return plan
  }

  private mutating func load(elf bytes: RawSpan, _ request: LoaderRequest) throws(XenStop) -> LoadPlan {
    let file = LenientELF(libelf: bytes)
    is64 = file.is64
    try elf.begin(file, bytes)
    saysBroken = true
    elf.measure(file, bytes)
    guard elf.readWishes(file, bytes) else {
      throw .refuse(
        "Could not construct domain 0", "FEATURES", "a feature with '!' must be one that Xen knows",
        "\(XenSource.info), elf_xen_parse_features")
    }
    try elf.checkWishes(file, bytes)
    try elf.placeAddresses(file, bytes)
    saysBroken = false
    try checkKind(file, bytes)
    let arranged = try XenArrangement(modern: sizes(request))
    arrangement = arranged
    elf.lines += arranged.lines
    try checkMapping(arranged)
    var prediction = LoadPlan(
      loader: .xenPV, reading: "Xen PV, \(is64 ? "ELF64" : "ELF32"), \(elf.sawGuestText ? "__xen_guest" : "ELF notes")",
      machine: request.machine, entry: EntryState(xen: arranged, is64: is64))
    saysBroken = true
    try copy(file, bytes, arranged, into: &prediction)
    try copySymbols(bytes, arranged, into: &prediction)
    saysBroken = false
    addInitrd(arranged, request, to: &prediction)
    try finish(arranged, &prediction)
    saysBroken = true
    let entry = elf.entry &- arranged.total.start.value
    prediction.remarkOnPieces(entryAt: entry, modules: request.modules.count, source: XenSource.builder)
    prediction.remarkOnGaps(source: XenSource.builder)
    prediction.decisions = decisions + arranged.decisions
    return prediction
  }

  /// Class, machine and features, in the builder's order.
  private mutating func checkKind(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    let machine = file.machine ?? 0
    // What is neither class is laid out as 32-bit.
    let is32 = file.fileClass == 1
    if is32, !host.runs32BitDomains {
      throw .refuse(
        "Found 32-bit PV kernel, but CONFIG_PV32 missing", "e_ident[EI_CLASS] \(file.fileClass ?? 0)",
        "64-bit kernels only in this build", XenSource.builder)
    }
    let width = is64 ? "64" : is32 ? "32" : "??"
    elf.say(
      " Dom0 kernel: \(width)-bit\(elf.pae == .no ? "" : ", PAE"), \(file.data == 2 ? "msb" : "lsb"), paddr "
        + "\(alternateHex(elf.physicalStart)) -> \(alternateHex(elf.physicalEnd))")
    if let symbols = elf.symbols {
      elf.say(" Dom0 symbol map \(alternateHex(symbols.start)) -> \(alternateHex(symbols.end))")
    }
    guard file.data != 2, is64 ? machine == 62 : is32 && machine == 3 && elf.pae != .no else {
      throw .refuse(
        "Mismatch between Xen and DOM0 kernel",
        "e_machine \(machine), e_ident[EI_CLASS] \(file.fileClass ?? 0), e_ident[EI_DATA] \(file.data ?? 0)",
        "ELF64 for x86-64, or ELF32 for 386 with PAE; little-endian", XenSource.builder)
    }
    if elf.hasSupportedFeatures, elf.supportedFeatures & (1 << 11) == 0 {
      throw .refuse(
        "Kernel does not support Dom0 operation", "SUPPORTED_FEATURES \(hex(elf.supportedFeatures))",
        "bit 11 (dom0) where the note is given", XenSource.builder)
    }
    if !is64, elf.hypervisorStartLow != Libelf.unset, elf.hypervisorStartLow.roundedUp(to: 1 << 21) > 0xf580_0000 {
      throw .refuse(
        "Dom0 expects too high a hypervisor start address", "HV_START_LOW \(hex(elf.hypervisorStartLow))",
        "at most 0xf5800000", XenSource.builder)
    }
  }

  private func sizes(_ request: LoaderRequest) -> XenSizes {
    XenSizes(
      base: elf.virtualBase, kernelStart: elf.kernelStart, kernelEnd: elf.kernelEnd, entry: elf.entry,
      initrd: request.initrdSize, unmappedInitrd: elf.unmappedInitrd, pages: request.pages,
      listBase: is64 && elf.machineListBase != Libelf.unset ? elf.machineListBase : nil, is64: is64)
  }

  private var decisions: [Decision] {
    [
      Decision(
        "guest virtual address", choice: "p_paddr + \(hex(elf.virtualOffset))",
        because: "VIRT_BASE \(hex(elf.virtualBase)) less ELF_PADDR_OFFSET \(hex(elf.paddrOffset)); without an offset "
          + (elf.sawNoteRange ? "0, as the image has notes" : "VIRT_BASE, as the image has the legacy string"),
        rejected: [.init("p_vaddr", "libelf never reads it")]),
      Decision(
        "entry", choice: hex(elf.entry), because: "ENTRY or VIRT_ENTRY where given, else e_entry as it stands"),
    ]
  }
}
