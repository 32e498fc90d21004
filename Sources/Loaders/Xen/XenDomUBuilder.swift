import Addresses
import BootProtocols
import KernelImage
import Placement

/// `xc_dom_parse_image` and `xc_dom_build_image` over an image.
struct XenDomUBuilder {
  var elf = Libelf()
  var memory = XenDomUMemory()
  let file: LenientELF
  private var is64: Bool { memory.is64 }

  init(_ image: RawSpan) { file = LenientELF(libelf: image) }

  mutating func build(_ bytes: RawSpan, _ request: LoaderRequest) throws(XenStop) -> LoadPlan {
    try XenBzImage.checkUnpacked(bytes)
    try parse(bytes)
    memory.pages = request.pages
    memory.virtualEnd = elf.virtualBase
    let kernel = try memory.add("kernel", at: elf.kernelStart, size: elf.kernelEnd &- elf.kernelStart)
    var prediction = LoadPlan(
      loader: .xenDomU,
      reading: "Xen PV domU, \(is64 ? "64-bit" : "32-bit"), \(elf.sawGuestText ? "__xen_guest" : "ELF notes")",
      machine: request.machine, entry: EntryState(mode: is64 ? .xenPV64 : .xenPV32, address: elf.entry))
    try copy(bytes, kernel, into: &prediction)
    if !elf.unmappedInitrd { try addModules(request, to: &prediction) }
    let listSize = (request.pages &* (is64 ? 8 : 4)).roundedUp(to: 4096)
    // A list for which 32-bit domains have no room, above the base or in the midst of a page goes behind the kernel.
    let isApart = is64 && elf.machineListBase < elf.virtualBase && elf.machineListBase & 4095 == 0
    if !isApart { try memory.add("phys2mach", size: listSize) }
    let info = try memory.add("start info", size: 4096)
    for name in ["xenstore", "console"] { try memory.add(name, size: 4096) }
    let end = try memory.addTables(base: elf.virtualBase)
    let stack = try memory.add("boot stack", size: 4096)
    try memory.pad(to: end)
    if elf.unmappedInitrd { try addModules(request, to: &prediction) }
    if isApart { try memory.addList(at: elf.machineListBase, size: listSize) }
    try addHypercallPage(&prediction)
    prediction.entry = EntryState(
      xen: elf.entry, stack: elf.virtualBase &+ (stack.frame + 1) << 12,
      info: elf.virtualBase &+ info.frame << 12, is64: is64)
    remark(request, &prediction)
    return prediction
  }

  /// `xc_dom_find_loader`, `xc_dom_parse_elf_kernel`, `xc_dom_guest_type`.
  private mutating func parse(_ bytes: RawSpan) throws(XenStop) {
    try probe(bytes)
    // XENFEAT_dom0.
    if elf.requiredFeatures & (1 << 11) != 0 {
      throw .refuse(
        "xc_dom_parse_elf_kernel: Kernel does not support unprivileged (DomU) operation", "FEATURES '!dom0'",
        "a domU is no dom0", "\(XenSource.guest), xc_dom_parse_elf_kernel")
    }
    let machine = file.machine ?? 0
    switch machine {
    case 62: memory.is64 = true
    case 3 where elf.pae != .no: memory.is64 = false
    case 3:
      throw .refuse(
        "xc_dom_compat_check: guest type xen-3.0-x86_32 not supported by xen kernel, sorry",
        "e_machine 3, no PAE", "32-bit domains use PAE", "\(XenSource.guest), xc_dom_compat_check")
    default:
      throw .refuse(
        "xc_dom_guest_type: unknown image type \(machine)", "e_machine \(machine)", "386 or x86-64",
        "\(XenSource.guest), xc_dom_guest_type")
    }
  }

  /// What libelf refuses, no loader takes; its reason is the evidence.
  private mutating func probe(_ bytes: RawSpan) throws(XenStop) {
    let source = "\(XenSource.guest), xc_dom_find_loader"
    do throws(XenStop) {
      try elf.begin(file, bytes)
      elf.measure(file, bytes)
      guard elf.readWishes(file, bytes) else {
        throw .refuse(
          "unknown required feature", "FEATURES", "a feature with '!' must be one that libelf knows", source)
      }
      try elf.checkWishes(file, bytes)
      try elf.placeAddresses(file, bytes)
    } catch {
      guard case .refuses(let refusal) = error else { throw error }
      throw .refuse(
        "xc_dom_find_loader: no loader found", "\(refusal.words): \(refusal.evidence)", refusal.rule.text, source)
    }
  }

  private mutating func addModules(_ request: LoaderRequest, to prediction: inout LoadPlan) throws(XenStop) {
    for (index, module) in request.modules.enumerated() where module.size.value > 0 {
      let segment = try memory.add("module\(index)", size: module.size.value)
      prediction.pieces.append(
        Piece(
          source: .module(index),
          destination: PhysicalRange(
            uncheckedStart: PhysicalAddress(unchecked: segment.frame << 12), count: module.size),
          zeroFill: ByteCount(segment.pages << 12 - module.size.value), owner: index == 0 ? "initrd" : segment.name))
    }
  }

  /// The hypervisor fills the page that holds the address.
  private mutating func addHypercallPage(_ prediction: inout LoadPlan) throws(XenStop) {
    guard elf.hypercallPage != Libelf.unset else { return }
    let frame = (elf.hypercallPage &- elf.virtualBase) >> 12
    guard frame < memory.pages else {
      throw .refuse(
        "setup_hypercall_page: HYPERCALL_INIT failed", "HYPERCALL_PAGE \(hex(elf.hypercallPage)), frame \(hex(frame))",
        "a page of the domain", "Xen 4.17, tools/libs/guest/xg_dom_boot.c, setup_hypercall_page")
    }
    prediction.pieces.append(
      Piece(
        source: .blob(prediction.blobs.count),
        destination: PhysicalRange(
          uncheckedStart: PhysicalAddress(unchecked: frame << 12), count: ByteCount(4096)), owner: "hypercall page"))
    prediction.blobs.append(Blob(name: "hypercall page", bytes: XenHypercallPage.bytes(is64: is64)))
  }

  private func remark(_ request: LoaderRequest, _ prediction: inout LoadPlan) {
    prediction.remarkOnPieces(
      entryAt: elf.entry &- elf.virtualBase, modules: 0, source: XenSource.guest)
    if !request.modules.isEmpty {
      prediction.remarks.append(
        Remark(
          .unspecified, "A module that gzip packed is unpacked, and takes the room of what it holds.",
          rule: Rule("a module's magic decides", source: "\(XenSource.guest), xc_dom_build_module")))
    }
    prediction.decisions =
      [
        Decision(
          "guest virtual address", choice: "p_paddr + \(hex(elf.virtualOffset))",
          because: "VIRT_BASE \(hex(elf.virtualBase)) less ELF_PADDR_OFFSET \(hex(elf.paddrOffset))",
          rejected: [.init("p_vaddr", "libelf never reads it")]),
        Decision(
          "entry", choice: hex(elf.entry), because: "ENTRY or VIRT_ENTRY where given, else e_entry as it stands"),
      ] + memory.segments.map { $0.decision }
  }
}
