import Addresses
import BootProtocols
import KernelImage
import Placement

extension Kexec {
  /// Places an ELF file's segments and says in which state it starts (kexec/kexec-elf-exec.c, elf_exec_load;
  /// kexec/arch/x86_64/kexec-elf-x86_64.c; kexec/arch/i386/kexec-elf-x86.c, kexec-multiboot-x86.c).
  static func load(
    _ elf: KexecELF, as type: FileType, _ request: LoaderRequest, arguments: Arguments
  ) throws(Stop) -> LoadPlan {
    if type == .elf32, arguments == .none {
      throw Stop(
        "--args-none only works on arch i386", evidence: "e_machine \(elf.machine)",
        rule: rule("a 64-bit kexec cannot start a 32-bit kernel without purgatory", "kexec-elf-x86.c"))
    }
    var memory = KexecMemory(request.machine)
    let (base, decision) = try base(of: elf, in: memory)
    let entry = elf.entry &+ base
    var prediction = LoadPlan(
      loader: .kexec, reading: reading(elf, as: type, arguments),
      machine: request.machine,
      entry: EntryState(
        mode: type == .elf64 ? .long64 : .protected32,
        address: type == .elf64 ? entry : entry & 0xffff_ffff,
        registers: registers(of: type, arguments)))
    prediction.decisions.append(decision)
    try place(elf, at: base, &memory, &prediction)
    try checkSegments(&memory, hasPurgatory: type != .elf64 || arguments != .none)
    if type == .elf64 || type == .elf32, arguments == .elf, !request.modules.isEmpty {
      throw Stop(
        "Ramdisks not supported with generic elf arguments", evidence: "module 0, \(request.modules[0].name)",
        rule: rule("--args-elf hands over notes only", "kexec-elf-x86_64.c, elf_x86_64_load"))
    }
    note(request, type, arguments, &prediction)
    noteEntry(elf.entry, entry, &prediction)
    return prediction
  }

  private static func reading(_ elf: KexecELF, as type: FileType, _ arguments: Arguments) -> String {
    let style = type == .multiboot ? "" : ", \(arguments.rawValue)"
    return "\(type.rawValue), \(elf.is64 ? "ELF64" : "ELF32")\(style)"
  }

  /// What is added to every p_paddr. Zero but for an ET_DYN file whose own place is not RAM.
  private static func base(of elf: KexecELF, in memory: KexecMemory) throws(Stop) -> (UInt64, Decision) {
    let source = "kexec-tools, kexec/kexec-elf-exec.c, elf_exec_load"
    guard elf.type == 3 else {
      return (0, Decision("physical place", choice: "p_paddr", because: "e_type \(elf.type) is not ET_DYN: \(source)"))
    }
    let parts = elf.segments.filter { $0.type == 1 && $0.memorySize != 0 }
    let first = parts.reduce(UInt64.max) { min($0, $1.physicalAddress) }
    // Exclusive, yet compared with inclusive ends: an image that ends where RAM ends is moved.
    let last = parts.reduce(0) { max($0, $1.physicalAddress &+ $1.memorySize) }
    if memory.holds(first, last) {
      return (0, Decision("physical place", choice: "p_paddr", because: "ET_DYN, and RAM holds it there: \(source)"))
    }
    let size = last &- first &+ 1
    let alignment = parts.reduce(0) { max($0, $1.alignment) }
    guard
      let hole = memory.hole(size: size, alignment: alignment, from: 0, through: elf.greatestAddress, .lowest)
    else {
      throw Stop(
        "Could not find a free area of memory of \(hex(size)) bytes...",
        evidence: "p_paddr from \(hex(first)) to \(hex(last)), p_align \(hex(alignment))",
        rule: rule("an ET_DYN file goes to the lowest hole when RAM does not hold its p_paddr", "kexec-elf-exec.c"))
    }
    return (
      hole &- first,
      Decision(
        "physical place", choice: hex(hole),
        because: "ET_DYN: the lowest hole of \(hex(size)) bytes aligned to \(hex(alignment)): \(source)",
        rejected: [.init(hex(first), "RAM does not hold \(hex(first)) to \(hex(last))")])
    )
  }

  private static func place(
    _ elf: KexecELF, at base: UInt64, _ memory: inout KexecMemory, _ prediction: inout LoadPlan
  ) throws(Stop) {
    for (index, segment) in elf.segments.enumerated() where segment.type == 1 {
      let name = "program header \(index)"
      guard segment.memorySize != 0 else {
        prediction.remarks.append(
          Remark(
            .segmentIgnored, "\(name), p_memsz 0: left out.",
            rule: rule("empty segments are forgotten", "kexec/kexec.c, add_segment_phys_virt")))
        continue
      }
      let copied = min(segment.fileSize, segment.memorySize)
      // _ALIGN wraps to 0 for the last page's worth of sizes; no RAM holds what comes of it.
      let size = (segment.memorySize &+ 4095) & ~4095
      let start = segment.physicalAddress &+ base
      try check(start, size, "\(name), p_paddr \(hex(segment.physicalAddress))", index, &memory)
      prediction.pieces.append(
        Piece(
          source: copied == 0
            ? .zero
            : .image(FileRange(uncheckedStart: FileOffset(truncating: segment.offset), count: ByteCount(copied))),
          destination: PhysicalRange(
            uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(copied)),
          zeroFill: ByteCount(size - copied), owner: "segment \(index)"))
      if segment.fileSize > segment.memorySize {
        prediction.decisions.append(
          Decision(
            "size of segment \(index)", choice: hex(copied),
            because: "p_filesz \(hex(segment.fileSize)) is cut to p_memsz: kexec/kexec-elf-exec.c, elf_exec_load"))
      }
    }
  }

  private static func check(
    _ start: UInt64, _ size: UInt64, _ evidence: String, _ index: Int, _ memory: inout KexecMemory
  ) throws(Stop) {
    guard start & 4095 == 0 else {
      throw Stop(
        "Base address: \(hex(start)) is not page aligned", evidence: evidence,
        rule: rule("a segment starts at a page", "kexec/kexec.c, add_segment_phys_virt"))
    }
    guard memory.take(.init(start: start, size: size, index: index)) else {
      throw Stop(
        "Invalid memory segment \(hex(start)) - \(hex(start &+ size &- 1))", evidence: evidence,
        rule: rule("one range of RAM holds a whole segment", "kexec/kexec.c, valid_memory_range"))
    }
  }

  private static func checkSegments(_ memory: inout KexecMemory, hasPurgatory: Bool) throws(Stop) {
    if let end = memory.overlap() {
      throw Stop(
        "Overlapping memory segments at \(hex(end))", evidence: "two segments hold the page before \(hex(end))",
        rule: rule("no two segments share a page", "kexec/kexec.c, sort_segments"))
    }
    let count = memory.segments.count + (hasPurgatory ? 1 : 0)
    guard count <= 16 else {
      throw Stop(
        "Warning: kernel segment limit reached. This will likely fail", evidence: "\(count) segments",
        rule: Rule(
          "KEXEC_SEGMENT_MAX is 16: the system call answers EINVAL",
          source: "Linux, kernel/kexec.c; kexec-tools, kexec/kexec.c, add_segment_phys_virt"))
    }
  }
}
