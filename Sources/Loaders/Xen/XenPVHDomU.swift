import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenPVH {
  /// What libxenguest of Xen 4.17 does with a kernel for an unprivileged domain of `type = "pvh"`.
  ///
  /// A module that is packed with gzip is unpacked; the model, which does not see modules, takes them as they are.
  public static func domU(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    do throws(XenStop) {
      var model = XenPVHDomU(request)
      return .loads(try model.load(image))
    } catch {
      switch error {
      case .refuses(let refusal): return .refuses(refusal)
      case .misbehaves(let misbehaviour): return .misbehaves(misbehaviour)
      }
    }
  }

  static var elfLoader: String { "Xen 4.17, tools/libs/guest/xg_dom_elfloader.c" }
}

/// Memory as libxenguest hands it out: whole pages from 0 up, cleared (`xc_dom_alloc_segment`).
struct XenPVHDomU {
  private var elf = Libelf()
  private let request: LoaderRequest
  private let pages: UInt64
  /// The first page that is free.
  private var next: UInt64 = 0
  private var pieces: [Piece] = []

  init(_ request: LoaderRequest) {
    self.request = request
    pages = request.pages
  }

  mutating func load(_ bytes: RawSpan) throws(XenStop) -> LoadPlan {
    try XenBzImage.checkUnpacked(bytes)
    let file = LenientELF(libelf: bytes)
    try parse(file, bytes)
    // XENFEAT_dom0.
    guard elf.requiredFeatures & (1 << 11) == 0 else {
      throw .refuse(
        "xc_dom_parse_elf_kernel: Kernel does not support unprivileged (DomU) operation", "FEATURES with '!dom0'",
        "dom0 is not required", XenPVH.elfLoader)
    }
    guard let entry = elf.physicalEntry else {
      throw .refuse(
        "xc_dom_guest_type: image not capable of booting inside a HVM container",
        "no note of type 18, or its value is 0xffffffff", "a kernel for PVH names its entry", XenPVH.elfLoader)
    }
    let start = elf.kernelStart
    try pad(to: start)
    let kernel = try take(elf.kernelEnd &- start, "kernel")
    copy(file, bytes, pages: kernel)
    let module = request.modules.first
    var place: UInt64 = 0
    if let module, !elf.unmappedInitrd { place = try add(module) }
    let info = next << 12
    let layout = XenDomUStartInfo(request, at: info)
    let infoPages = try take(layout.size, "HVM start info")
    if let module, elf.unmappedInitrd { place = try add(module) }
    var prediction = LoadPlan(
      loader: .xenPVHDomU, reading: "Xen PVH, libxenguest, \(file.is64 ? "ELF64" : "ELF32")",
      machine: request.machine, entry: XenPVH.state(entry: entry, startInfo: info))
    prediction.pieces = pieces
    prediction.blobs = layout.blobs(module: place, pages: module.map { $0.size.value.roundedUp(to: 4096) } ?? 0)
    prediction.pieces += layout.pieces(prediction.blobs, zeroTo: (info &+ infoPages << 12))
    remark(&prediction, entry)
    return prediction
  }

  private mutating func parse(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    do throws(XenStop) {
      try elf.begin(file, bytes)
    } catch {
      throw Self.worded(error, "xc_dom_find_loader: no loader found")
    }
    elf.measure(file, bytes)
    do throws(XenStop) {
      try elf.parsePVH(file, bytes)
    } catch {
      guard !file.is64 else { throw Self.worded(error, "xc_dom_parse_hvm_kernel: ELF image is not 32bit") }
      // "HVM-generic", which loads firmware, takes every 32-bit file that is not for Xen.
      elf.kernelStart = elf.physicalStart
      elf.kernelEnd = elf.physicalEnd
      elf.physicalEntry = (file.entry ?? 0) & 0xffff_ffff
      elf.requiredFeatures = 0
    }
  }

  /// The probe is silent; what it minds is the evidence.
  private static func worded(_ stop: XenStop, _ words: String) -> XenStop {
    guard case .refuses(let refusal) = stop else { return stop }
    return .refuses(Refusal(words, evidence: "\(refusal.words): \(refusal.evidence)", rule: refusal.rule))
  }

  private mutating func pad(to boundary: UInt64) throws(XenStop) {
    guard boundary & 4095 == 0 else {
      throw .refuse(
        "xc_dom_alloc_pad: segment boundary isn't page aligned (\(hex(boundary)))", "least p_paddr \(hex(boundary))",
        "a multiple of 4096", XenSource.guest)
    }
    _ = try take(boundary, "padding")
  }

  /// Takes pages for so many bytes (`xc_dom_chk_alloc_pages`); their number.
  private mutating func take(_ size: UInt64, _ name: String) throws(XenStop) -> UInt64 {
    let count = (size &+ 4095) >> 12
    guard count <= pages, next <= pages, count <= pages - next else {
      throw .refuse(
        "xc_dom_chk_alloc_pages: segment \(name) too large (\(hex(count)) > \(hex(pages)) - \(hex(next)) pages)",
        "\(name), \(hex(size)) bytes at \(hex(next << 12))", "the domain's pages hold all, from 0 up", XenSource.guest)
    }
    next += count
    return count
  }

  private mutating func add(_ module: LoaderRequest.Module) throws(XenStop) -> UInt64 {
    let place = next << 12
    let count = try take(module.size.value, "module0") << 12
    pieces.append(
      Piece(
        source: .module(0), destination: Self.range(place, module.size.value),
        zeroFill: ByteCount(count - module.size.value), owner: "initrd"))
    return place
  }

  static func range(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(count))
  }

  /// Copies segments (`elf_load_image` of the library): what lies outside the kernel's pages or the file is left out.
  private mutating func copy(_ file: LenientELF, _ bytes: RawSpan, pages: UInt64) {
    let start = elf.kernelStart
    let size = pages << 12
    pieces.append(Piece(source: .zero, destination: Self.range(start, 0), zeroFill: ByteCount(size), owner: "kernel"))
    var budget = size &* 2
    func fits(_ address: UInt64, _ count: UInt64) -> Bool {
      address &- start <= size && count <= size - (address &- start)
    }
    for (index, segment) in elf.loadable(file, bytes) {
      guard budget >= segment.memorySize else {
        elf.mark(broken: "program segments total to more than the input image size")
        return
      }
      budget -= segment.memorySize
      let address = segment.physicalAddress
      let copies = fits(address, segment.fileSize) && bytes.holds(segment.fileSize, at: segment.offset)
      let zeros = segment.memorySize &- segment.fileSize
      let clears = fits(address &+ segment.fileSize, zeros)
      if !copies || !clears { elf.mark(broken: "out of range access") }
      let source = FileRange(
        uncheckedStart: FileOffset(unchecked: segment.offset), count: ByteCount(segment.fileSize))
      if copies, segment.fileSize > 0 {
        pieces.append(
          Piece(
            source: .image(source), destination: Self.range(address, segment.fileSize), owner: "segment \(index)"))
      }
      if clears, zeros > 0 {
        pieces.append(
          Piece(
            source: .zero, destination: Self.range(address &+ segment.fileSize, 0), zeroFill: ByteCount(zeros),
            owner: "segment \(index)"))
      }
    }
  }

  private func remark(_ prediction: inout LoadPlan, _ entry: UInt64) {
    let rule = Rule("start_info and ACPI tables of libxl", source: XenSource.guest)
    prediction.remarks.append(
      Remark(.unspecified, "rsdp_paddr is where libxl puts ACPI module 0; 0 with `acpi=0`.", rule: rule))
    if let broken = elf.broken {
      prediction.remarks.append(
        Remark(
          .segmentIgnored, "libelf calls the image broken (\(broken)); bytes are left out, the domain starts.",
          rule: Rule("accesses are checked, and only logged", source: XenPVH.elfLoader)))
    }
    if !prediction.pieces.contains(where: {
      $0.owner.utf8.starts(with: "segment ".utf8) && $0.extent.contains(PhysicalAddress(unchecked: entry))
    }) {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "The entry, \(hex(entry)), lies in no segment.",
          rule: Rule("from the first byte to the end itself passes, gaps too", source: XenSource.info)))
    }
    if request.modules.count > 1 {
      prediction.remarks.append(
        Remark(
          .moduleIgnored, "libxl hands one module over; \(request.modules.count - 1) more are not.",
          rule: Rule("a domain has one ramdisk", source: XenSource.guest)))
    }
  }
}
