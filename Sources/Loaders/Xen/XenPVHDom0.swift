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

  /// Says a line and makes a refusal of it.
  mutating func refuse(_ words: String, _ evidence: String, _ rule: String, _ source: String = XenPVH.source)
    -> XenStop
  {
    lines.append(words)
    return .refuse(words, evidence, rule, source)
  }

  private mutating func loadELF(_ bytes: RawSpan) throws(XenStop) -> LoadPlan {
    let file = LenientELF(bytes)
    let notes = try parse(file, bytes)
    guard let entry = notes.entry else {
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
  private mutating func parse(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) -> XenPVHNotes {
    do throws(XenStop) {
      try elf.begin(file, bytes)
      try checkByteOrder(file, bytes)
    } catch {
      if case .refuses(let refusal) = error { lines += [refusal.words, "Unable to init ELF"] }
      throw error
    }
    elf.measure(file, bytes)
    do throws(XenStop) {
      return try elf.parsePVH(file, bytes)
    } catch {
      let words = "Unable to parse kernel for ELFNOTES"
      if case .refuses(let refusal) = error, refusal.words != words { lines.append(refusal.words) }
      lines.append(words)
      throw error
    }
  }

  /// Nothing asks for the machine that an image is for. Another byte order is believed: fields are swapped, which for a
  /// little-endian image makes nonsense of the first.
  private func checkByteOrder(_ file: LenientELF, _ bytes: RawSpan) throws(XenStop) {
    guard file.data != 1 else { return }
    let size = UInt64(bytes.byteCount)
    let offset = (file.programHeaderOffset ?? 0).byteSwapped >> (file.is64 ? 0 : 32)
    let stride = (file.programHeaderEntrySize ?? 0).byteSwapped >> 48
    let end = offset &+ stride &* ((file.programHeaderCount ?? 0).byteSwapped >> 48)
    let evidence = "e_ident[EI_DATA] \(file.data ?? 0), e_phoff \(hex(offset)) with its bytes swapped"
    guard end <= size else {
      throw .refuse(
        "ELF: phdr overflow (off \(String(end, radix: 16)) > size \(String(size, radix: 16)))", evidence,
        "fields are in the byte order of e_ident[EI_DATA], the table ends in the file",
        "\(XenSource.loader), elf_init")
    }
    throw .misbehaves(
      Misbehaviour(
        "enters a kernel for another byte order", evidence: evidence,
        rule: Rule("neither e_machine nor EI_DATA is checked", source: XenPVH.source)))
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

  /// Where the ELF image begins in a bzImage (`bzimage_parse`); nil where the file is none.
  private mutating func payload(_ bytes: RawSpan) throws(XenStop) -> UInt64? {
    // `struct setup_header` up to payload_length, from the start of the file.
    guard bytes.byteCount >= 0x250, bytes.load(UInt32.self, at: 0x202) == 0x5372_6448 else { return nil }
    let version = bytes.load(UInt16.self, at: 0x206) ?? 0
    guard version >= 0x208 else {
      let minor = version & 0xff
      lines.append(
        "Cannot load bzImage v\(version >> 8).\(minor < 10 ? "0" : "")\(minor) at least v2.08 is required")
      throw refuse(
        "Error trying to detect bz compressed kernel", "version \(hex(UInt64(version)))",
        "a payload has a place of its own from 2.08 on", "Xen 4.17, xen/arch/x86/bzimage.c, bzimage_check")
    }
    let sectors = bytes.wide(UInt8.self, at: 0x1f1) ?? 0
    let start = (sectors + 1) * 512 + (bytes.wide(UInt32.self, at: 0x248) ?? 0)
    guard bytes.load(UInt32.self, at: start) == 0x464c_457f else {
      throw .misbehaves(
        Misbehaviour(
          "unpacks the payload and goes on with that", evidence: "payload at \(hex(start))",
          rule: Rule("the payload is the kernel", source: "Xen 4.17, xen/arch/x86/bzimage.c, bzimage_parse")))
    }
    return start
  }
}

extension LoadPlan {
  /// Makes offsets into a part of the file offsets into the file.
  fileprivate mutating func shiftSources(by start: UInt64) {
    for index in pieces.indices {
      guard case .image(let range) = pieces[index].source else { continue }
      pieces[index].source = .image(
        FileRange(uncheckedStart: FileOffset(unchecked: range.start.value &+ start), count: range.count))
    }
  }
}
