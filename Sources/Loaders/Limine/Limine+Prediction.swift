import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

extension Limine {
  static func predict(
    _ layout: LimineLayout, _ image: RawSpan, _ request: LoaderRequest, _ choices: Choices
  ) throws(Stop) -> LoadPlan {
    let slide = try slide(of: layout, choices)
    let (base, decision) = try physicalBase(of: layout, request, choices)
    for segment in layout.segments where segment.header.fileSize > segment.header.memorySize {
      throw Stop(
        "elf: p_filesz > p_memsz",
        evidence: "\(segment.name), p_filesz \(hex(segment.header.fileSize)), "
          + "p_memsz \(hex(segment.header.memorySize))",
        rule: rule("looked at when the segment is copied, after its block was allocated"))
    }
    let address = layout.entry &+ slide
    var prediction = LoadPlan(
      loader: .limine, reading: "Limine protocol, ELF64", machine: request.machine, entry: entry(at: address))
    prediction.pieces = try pieces(of: layout, at: base, image)
    try checkRevisionTags(prediction.pieces, base, image)
    prediction.decisions = [
      decision,
      Decision(
        "slide", choice: hex(slide),
        because: layout.isRelocatable
          ? "ET_DYN: to the higher half, and by what KASLR draws; relocations are applied: Limine 8, elf.c"
          : "ET_EXEC stays at its p_vaddr: Limine 8, elf.c"),
      Decision(
        "entry", choice: hex(address),
        because: "e_entry and the slide, unless the image asks with an entry point request"),
    ]
    if !layout.segments.contains(where: { layout.entry &- $0.header.virtualAddress < $0.header.memorySize }) {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "e_entry \(hex(layout.entry)) lies in no segment.",
          rule: rule("e_entry is not looked at")))
    }
    return prediction
  }

  /// How far virtual addresses move: from the lower half to the higher one, and by KASLR's draw.
  private static func slide(of layout: LimineLayout, _ choices: Choices) throws(Stop) -> UInt64 {
    guard layout.isRelocatable else { return 0 }
    let shift = layout.lowest < higherHalf ? higherHalf - layout.lowest : 0
    guard let draws = choices.draws else { return shift }
    for draw in draws.prefix(65_536) {
      let slide = shift &+ UInt64(draw) & ~(layout.alignment &- 1)
      // The sum wraps where the image would end behind the top of the address space.
      if layout.lowest &+ slide &+ layout.size >= higherHalf { return slide }
    }
    throw Stop(
      "elf: Image wants to load too high", evidence: "p_vaddr \(hex(layout.lowest)), size \(hex(layout.size))",
      rule: rule("65536 draws, or all that were given, end behind the top of the address space"))
  }

  private static func physicalBase(
    of layout: LimineLayout, _ request: LoaderRequest, _ choices: Choices
  ) throws(Stop) -> (UInt64, Decision) {
    let subject = "physical place"
    let because = "one block of \(hex(layout.size)) bytes aligned to \(hex(layout.alignment)), by p_vaddr; p_paddr is "
    if let base = choices.physicalBase {
      guard PhysicalRange(start: base, count: ByteCount(layout.size)) != nil else { throw outOfMemory(layout) }
      return (base.value, Decision(subject, choice: hex(base), because: because + "not read: given by the caller"))
    }
    for range in request.machine.usable.reversed() {
      let end = min(range.endValue, 1 << 32)
      guard end >= range.start.value, layout.size <= end - range.start.value else { continue }
      let base = (end - layout.size) & ~(layout.alignment &- 1)
      guard base >= range.start.value else { continue }
      return (
        base,
        Decision(
          subject, choice: hex(base),
          because: because + "not read: a stand-in for what Limine's allocator finds, the highest place below 4 GiB")
      )
    }
    throw outOfMemory(layout)
  }

  private static func outOfMemory(_ layout: LimineLayout) -> Stop {
    Stop(
      "High memory allocator: Out of memory", evidence: "size \(hex(layout.size)), p_align \(hex(layout.alignment))",
      rule: rule("the image is one block of memory", "common/mm/pmm.s2.c"))
  }

  /// The block, cleared, then the segments' bytes.
  private static func pieces(of layout: LimineLayout, at base: UInt64, _ image: RawSpan) throws(Stop) -> [Piece] {
    var pieces = [
      Piece(
        source: .zero,
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: base), count: .zero),
        zeroFill: ByteCount(layout.size), owner: "image")
    ]
    for segment in layout.segments {
      guard let bytes = image.range(at: segment.header.offset, count: segment.header.fileSize) else {
        throw Stop.outside(
          "\(segment.name), p_offset \(hex(segment.header.offset)), p_filesz \(hex(segment.header.fileSize))")
      }
      // An end behind the top of the address space does not count for the block's size.
      let offset = segment.header.virtualAddress &- layout.lowest
      let room = layout.size - min(layout.size, offset)
      guard bytes.count.value <= room else {
        throw Stop(
          misbehaves: "writes behind the memory that it allocated",
          evidence: "\(segment.name), p_vaddr \(hex(segment.header.virtualAddress)), p_memsz "
            + "\(hex(segment.header.memorySize))",
          rule: rule("p_vaddr + p_memsz may wrap"))
      }
      pieces.append(
        Piece(
          source: bytes.isEmpty ? .zero : .image(bytes),
          destination: PhysicalRange(
            uncheckedStart: PhysicalAddress(unchecked: base &+ offset), count: bytes.count),
          zeroFill: ByteCount(min(segment.header.memorySize, room) - bytes.count.value),
          owner: "segment \(segment.index)"))
    }
    return pieces
  }

  /// The image names the protocol's revision at most once: a tag of three words at a multiple of 8 in memory (PROTOCOL.md,
  /// "Base protocol revisions").
  private static func checkRevisionTags(_ pieces: [Piece], _ base: UInt64, _ image: RawSpan) throws(Stop) {
    var first: UInt64?
    for piece in pieces {
      guard case .image(let range) = piece.source else { continue }
      let step = (8 - piece.destination.start.value & 7) & 7
      var position = step
      while position &+ 24 <= range.count.value {
        let offset = range.start.value + position
        position += 8
        guard image.load(UInt64.self, at: offset) == 0xf956_2b2d_5c95_a6c8,
          image.load(UInt64.self, at: offset + 8) == 0x6a7b_3849_4453_6bdc
        else { continue }
        if let first {
          throw Stop(
            "limine: Duplicated base revision tag", evidence: "file offsets \(hex(first)) and \(hex(offset))",
            rule: rule("one base revision tag in the loaded image", "common/protos/limine.c"))
        }
        first = offset
      }
    }
  }

  /// 64-bit mode, all that the protocol promises (PROTOCOL.md, "Entry machine state").
  private static func entry(at address: UInt64) -> EntryState {
    var registers: [EntryState.Register] = [
      .init(unspecified: "rsp", "stack of at least 64 KiB, return address 0 on it"),
      .init(unspecified: "cr0", "PE, PG and WP are set"), .init(unspecified: "cr4", "PAE is set"),
      .init(unspecified: "efer", "LME and NX are set"), .init(unspecified: "rflags", "IF and DF are clear"),
    ]
    for name in [
      "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    ] { registers.append(.init(name, 0, "cleared")) }
    return EntryState(mode: .long64, address: address, registers: registers)
  }
}
