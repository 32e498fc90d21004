import Addresses
import BootProtocols
import KernelImage
import Placement

/// `pvh_load_kernel` of Xen 4.17 (xen/arch/x86/hvm/dom0_build.c) and libelf, without verbose messages of the latter.
struct XenPVHDom0 {
  var elf = Libelf()
  /// What the console says.
  var lines: [String] = []
  let request: LoaderRequest
  let memory: XenGuestMemory

  init(_ request: LoaderRequest) {
    self.request = request
    memory = XenGuestMemory(request.machine)
  }

  mutating func load(_ bytes: RawSpan) throws(XenStop) -> LoadPlan {
    if let start = try payload(bytes) {
      var prediction = try loadELF(bytes.extracting(Int(start)..<bytes.byteCount))
      prediction.shiftSources(by: start)
      return prediction
    }
    return try loadELF(bytes)
  }

  /// The hypervisor's reader says what it minds in a line of its own, the builder what it did in the next.
  private mutating func payload(_ bytes: RawSpan) throws(XenStop) -> UInt64? {
    do throws(XenStop) {
      if let start = try XenBzImage.payload(of: bytes) { return start }
      try XenBzImage.checkWhole(bytes, memory: request.pages << 12)
      return nil
    } catch {
      if case .refuses(let refusal) = error, refusal.words != XenBzImage.ranOut {
        lines += [refusal.words, "Error trying to detect bz compressed kernel"]
      }
      throw error
    }
  }

  /// Says a line and makes a refusal of it.
  mutating func refuse(_ words: String, _ evidence: String, _ rule: String, _ source: String = XenPVH.source)
    -> XenStop
  {
    lines.append(words)
    return .refuse(words, evidence, rule, source)
  }

  private mutating func loadELF(_ bytes: RawSpan) throws(XenStop) -> LoadPlan {
    let file = LenientELF(libelf: bytes)
    try parse(file, bytes)
    guard let entry = elf.physicalEntry else {
      throw refuse(
        "Unable to find XEN_ELFNOTE_PHYS32_ENTRY address", "no note of type 18, or its value is 0xffffffff",
        "a kernel for PVH names its entry")
    }
    var prediction = LoadPlan(
      loader: .xenPVH, reading: "Xen PVH, \(file.is64 ? "ELF64" : "ELF32")",
      machine: request.machine, entry: XenPVH.state(entry: entry, startInfo: 0))
    try copy(file, bytes, into: &prediction)
    var block = XenPVHBlock(memory, request, is64: file.is64, kernel: elf.kernelStart, elf.kernelEnd)
    do throws(XenStop) {
      try block.place()
    } catch {
      if case .refuses(let refusal) = error { lines.append(refusal.words) }
      throw error
    }
    prediction.entry = XenPVH.state(entry: entry, startInfo: block.startInfo)
    prediction.add(block)
    try finish(&prediction, entry)
    return prediction
  }

  /// libelf says what it minds in a line of its own, the builder what it did in the next.
  private mutating func parse(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    do throws(XenStop) {
      try elf.begin(file, bytes)
    } catch {
      if case .refuses(let refusal) = error { lines += [refusal.words, "Unable to init ELF"] }
      throw error
    }
    elf.measure(file, bytes)
    do throws(XenStop) {
      try elf.parsePVH(file, bytes)
    } catch {
      let words = "Unable to parse kernel for ELFNOTES"
      if case .refuses(let refusal) = error, refusal.words != words { lines.append(refusal.words) }
      lines.append(words)
      throw error
    }
  }

  private mutating func finish(_ prediction: inout LoadPlan, _ entry: UInt64) throws(XenStop) {
    guard let top = memory.tablesEnd else {
      lines.append("Unable to steal guest RAM for MADT")
      throw .refuse(
        "Failed to setup Dom0 ACPI tables: -12", "no usable memory from 1 MiB to 4 GiB",
        "ACPI tables take the end of the highest range below 4 GiB", XenPVH.source)
    }
    prediction.remarkOnPVH(entry, kernel: elf, request, tablesEnd: top)
    prediction.decisions = [
      Decision(
        "physical address", choice: "p_paddr", because: "paging is off; VIRT_BASE and PADDR_OFFSET do not count",
        rejected: [.init("p_vaddr", "libelf never reads it")]),
      Decision(
        "entry", choice: hex(entry), because: "the last PHYS32_ENTRY, 32 bits of it",
        rejected: [.init("e_entry", "read only where PHYS32_ENTRY is missing"), .init("ENTRY", "for PV alone")]),
    ]
  }
}
