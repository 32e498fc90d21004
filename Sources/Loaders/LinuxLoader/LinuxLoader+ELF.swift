import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

extension LinuxLoader {
  /// What the crate hands back to a monitor.
  struct ELFKernel {
    /// e_entry.
    var entry: UInt64
    /// The PVH entry; nil where there is none.
    var pvhEntry: UInt64?
    var pieces: [Piece] = []
    var remarks: [Remark] = []
    /// The end of the highest segment that has bytes in the file; 0 where none has.
    var end: UInt64 = 0
  }

  /// Reads a 64-bit ELF header whatever EI_CLASS says, then each segment in turn (elf/mod.rs, Elf::load).
  static func loadELF(_ image: RawSpan, _ request: LoaderRequest) throws(Stop) -> ELFKernel {
    let header = LenientELF(image, is64: true)
    try check(header, in: image)
    var kernel = ELFKernel(entry: header.entry ?? 0)
    let table = header.programHeaderOffset ?? 0
    let count = header.programHeaderCount ?? 0
    // All headers are read before the first segment.
    if count > 0, !image.holds(count * 56, at: table) {
      throw Stop(
        "Unable to read program header", evidence: "e_phoff \(hex(table)), e_phnum \(count)",
        rule: rule("the whole table lies in the file"))
    }
    var budget = noteBudget
    for index in 0..<count {
      guard let segment = header.segment(at: table + index * 56, in: image) else { break }
      let name = "program header \(index)"
      if segment.type == 1, segment.fileSize > 0 {
        try place(segment, name, index, in: image, request, &kernel)
      } else if segment.type == 4 {
        // The last one's answer stands, also where it is "none".
        kernel.pvhEntry = try pvhEntry(in: segment, name, of: image, &budget)
      } else if segment.type == 1 {
        kernel.remarks.append(
          Remark(
            .segmentIgnored, "\(name), p_filesz 0: left out, with its p_memsz of \(hex(segment.memorySize)).",
            rule: rule("segments without bytes in the file are skipped")))
      }
    }
    kernel.remarks += overlaps(of: kernel.pieces)
    return kernel
  }

  private static func check(_ header: LenientELF, in image: RawSpan) throws(Stop) {
    guard image.byteCount >= 64 else {
      throw Stop(
        "Unable to read elf header", evidence: "\(image.byteCount) bytes",
        rule: rule("the file has the 64 bytes of an Elf64_Ehdr"))
    }
    guard header.hasMagic else {
      var stop = Stop(
        "Invalid Elf magic number", evidence: "e_ident \(hex(image.wide(UInt32.self, at: 0) ?? 0))",
        rule: rule("e_ident starts with 0x7f ELF"))
      stop.isForeign = true
      throw stop
    }
    guard header.data == 1 else {
      throw Stop(
        "Trying to load big-endian binary on little-endian machine", evidence: "EI_DATA \(header.data ?? 0)",
        rule: rule("EI_DATA is ELFDATA2LSB"))
    }
    guard header.programHeaderEntrySize == 56 else {
      throw Stop(
        "Invalid program header size", evidence: "e_phentsize \(header.programHeaderEntrySize ?? 0)",
        rule: rule("e_phentsize is that of an Elf64_Phdr; EI_CLASS is not looked at"))
    }
    guard let table = header.programHeaderOffset, table >= 64 else {
      throw Stop(
        "Invalid program header offset", evidence: "e_phoff \(hex(header.programHeaderOffset ?? 0))",
        rule: rule("the table lies behind the header"))
    }
    guard let entry = header.entry, entry >= highMemoryStart else {
      throw Stop(
        "Invalid entry address", evidence: "e_entry \(hex(header.entry ?? 0))",
        rule: rule("e_entry is not below the monitor's start of high memory, \(hex(highMemoryStart))"))
    }
  }

  private static func place(
    _ segment: LenientELF.Segment, _ name: String, _ index: UInt64, in image: RawSpan, _ request: LoaderRequest,
    _ kernel: inout ELFKernel
  ) throws(Stop) {
    let target = PhysicalRange(
      uncheckedStart: PhysicalAddress(unchecked: segment.physicalAddress), count: ByteCount(segment.fileSize))
    guard let bytes = image.range(at: segment.offset, count: segment.fileSize), request.machine.isUsable(target) else {
      throw Stop(
        "Unable to read kernel image",
        evidence: "\(name), p_offset \(hex(segment.offset)), p_paddr \(hex(segment.physicalAddress)), "
          + "p_filesz \(hex(segment.fileSize))",
        rule: rule("the file holds p_filesz bytes at p_offset, and guest memory as many at p_paddr"))
    }
    let (end, wraps) = segment.physicalAddress.addingReportingOverflow(segment.memorySize)
    guard !wraps else {
      throw Stop(
        "MemoryOverflow",
        evidence: "\(name), p_paddr \(hex(segment.physicalAddress)), p_memsz \(hex(segment.memorySize))",
        rule: rule("p_paddr + p_memsz fits 64 bits"))
    }
    kernel.pieces.append(Piece(source: .image(bytes), destination: target, owner: "segment \(index)"))
    kernel.end = max(kernel.end, end)
    if segment.memorySize > segment.fileSize {
      kernel.remarks.append(
        Remark(
          .notZeroed,
          "\(name): \(hex(segment.memorySize - segment.fileSize)) bytes from \(hex(target.endValue)) keep what they held.",
          rule: rule("nothing is written beyond p_filesz, and its place is not checked")))
    }
  }

  /// Segments whose bytes meet in memory: the later one in the table wins.
  private static func overlaps(of pieces: [Piece]) -> [Remark] {
    let sorted = pieces.sorted { $0.destination.start < $1.destination.start }
    guard var reach = sorted.first else { return [] }
    var remarks: [Remark] = []
    for piece in sorted.dropFirst() {
      if reach.destination.overlaps(piece.destination) {
        remarks.append(
          Remark(
            .overlap, "\(reach.owner) \(hex(reach.destination)) and \(piece.owner) \(hex(piece.destination)).",
            rule: rule("segments are read in the table's order, without a look at those before")))
      }
      if piece.destination.endValue > reach.destination.endValue { reach = piece }
    }
    return remarks
  }
}
