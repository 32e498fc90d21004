import Addresses
import BootProtocols
import KernelImage
import Placement

/// Files of ELF's own making (kexec/kexec-elf-exec.c).
extension KexecLoad {
  /// Places the segments; returns the entry (elf_exec_build_load, elf_exec_load).
  mutating func placeSegments(_ elf: KexecELF) throws(Kexec.Stop) -> UInt64 {
    guard elf.type == 3 else {
      decide("p_paddr", "e_type \(elf.type) is not ET_DYN: kexec-tools, kexec/kexec-elf-exec.c, elf_exec_load")
      try add(elf, base: 0)
      return elf.entry
    }
    let base = try base(of: elf, Search(alignment: 0, high: elf.greatestAddress), "ELF exec load failed")
    try add(elf, base: base)
    return elf.entry &+ base
  }

  /// Places the segments where a relocatable tag lets them be (elf_exec_build_load_relocatable).
  mutating func placeSegments(_ elf: KexecELF, in range: Search) throws(Kexec.Stop) -> UInt64 {
    guard range.low <= range.high else {
      throw Kexec.Stop(
        "Bad relocation range, start=\(range.low)x > end=\(range.high)x.",
        evidence: "relocatable tag, min_addr \(hex(range.low)), max_addr \(hex(range.high))",
        rule: Kexec.rule("min_addr is not above max_addr", "kexec/kexec-elf-exec.c, elf_exec_load_relocatable"))
    }
    let base = try base(of: elf, range, "elf_exec_build_load_relocatable: ELF exec load failed")
    try add(elf, base: base)
    return elf.entry &+ base
  }

  private mutating func decide(_ choice: String, _ reason: String) {
    prediction.decisions.append(Decision("physical place", choice: choice, because: reason))
  }

  /// What is added to every p_paddr (get_elf_exec_load_base). Zero where RAM holds the file at its own place.
  private mutating func base(of elf: KexecELF, _ range: Search, _ failure: String) throws(Kexec.Stop) -> UInt64 {
    let source = "kexec-tools, kexec/kexec-elf-exec.c, get_elf_exec_load_base"
    let parts = elf.segments.filter { $0.type == 1 && $0.memorySize != 0 }
    let first = parts.reduce(UInt64.max) { min($0, $1.physicalAddress) }
    // Exclusive, yet compared with inclusive ends: an image that ends where RAM ends is moved.
    let last = parts.reduce(0) { max($0, $1.physicalAddress &+ $1.memorySize) }
    let evidence = "p_paddr from \(hex(first)) to \(hex(last))"
    guard range.high - range.low >= last &- first else {
      throw Kexec.Stop(
        failure, evidence: "\(evidence), allowed from \(hex(range.low)) to \(hex(range.high))",
        rule: Kexec.rule("the range holds the image", "kexec/kexec-elf-exec.c, get_elf_exec_load_base"))
    }
    if memory.holds(max(range.low, first), min(range.high, last)) {
      decide("p_paddr", "RAM holds \(hex(first)) to \(hex(last)): \(source)")
      return 0
    }
    let size = last &- first &+ 1
    let alignment = parts.reduce(range.alignment) { max($0, $1.alignment) }
    switch memory.hole(size: size, alignment: alignment, from: range.low, through: range.high, .lowest) {
    case .at(let hole):
      decide(hex(hole), "the lowest hole of \(hex(size)) bytes aligned to \(hex(alignment)): \(source)")
      return hole &- first
    case .none(let words):
      throw Kexec.Stop(
        words, evidence: "\(evidence), alignment \(hex(alignment))",
        rule: Kexec.rule("a file that moves goes to the lowest hole", "kexec/kexec-elf-exec.c, get_elf_exec_load_base"))
    }
  }

  private mutating func add(_ elf: KexecELF, base: UInt64) throws(Kexec.Stop) {
    for (index, segment) in elf.segments.enumerated() where segment.type == 1 {
      let name = "program header \(index)"
      try add(
        .image(segment.offset), bytes: segment.fileSize, at: segment.physicalAddress &+ base,
        memorySize: segment.memorySize, "segment \(index)", "\(name), p_paddr \(hex(segment.physicalAddress))")
      if segment.memorySize == 0 {
        prediction.remarks.append(
          Remark(
            .segmentIgnored, "\(name), p_memsz 0: left out.",
            rule: Kexec.rule("empty segments are forgotten", "kexec/kexec.c, add_segment_phys_virt")))
      } else if segment.fileSize > segment.memorySize {
        prediction.decisions.append(
          Decision(
            "size of segment \(index)", choice: hex(segment.memorySize),
            because: "p_filesz \(hex(segment.fileSize)) is cut to p_memsz: kexec/kexec-elf-exec.c, load_elf_segments"))
      }
    }
  }
}
