import KernelImage
import Placement

/// What `extract_kernel` checks before it unpacks, and the relocation table's places.
extension Decompressor.Unpacking {
  typealias Stop = Decompressor.Stop

  func checkPlace() throws(Stop) {
    let rule = Decompressor.rule("the places are checked before unpacking", "misc.c, extract_kernel")
    guard output % Decompressor.leastAlignment == 0 else {
      throw Stop(
        "Destination physical address inappropriately aligned",
        evidence:
          "loaded at \(hex(setup.loadAddress)), kernel_alignment \(hex(setup.alignment)): output \(hex(output))",
        rule: rule)
    }
    guard setup.linkedAddress % Decompressor.leastAlignment == 0 else {
      throw Stop(
        "Destination virtual address inappropriately aligned",
        evidence: "pref_address \(hex(setup.linkedAddress)) is no multiple of 2 MiB", rule: rule)
    }
    guard output < Decompressor.greatestMemory else {
      throw Stop(
        "Destination address too large",
        evidence: "output \(hex(output)) is not below \(hex(Decompressor.greatestMemory))",
        rule: rule)
    }
    let (end, overflow) = setup.linkedAddress.addingReportingOverflow(neededSize)
    guard !overflow, end <= window else {
      throw Stop(
        "Destination virtual address is beyond the kernel mapping area",
        evidence: "LOAD_PHYSICAL_ADDR \(hex(setup.linkedAddress)) + \(hex(neededSize)) exceeds \(hex(window))",
        rule: rule)
    }
  }

  func checkHeader(_ payload: RawSpan) throws(Stop) {
    guard header.hasMagic else {
      throw Stop(
        "Kernel is not a valid ELF file",
        evidence: "the payload begins with \(hex(payload.load(UInt32.self, at: 0) ?? 0))",
        rule: Decompressor.rule("of the ELF header the magic alone is checked"))
    }
    guard let count = header.programHeaderCount, let table = header.programHeaderOffset, outputSize >= 64 else {
      throw Stop(
        misbehaves: "reads what memory held behind the payload", evidence: "the payload has \(outputSize) bytes",
        rule: Decompressor.rule("the ELF header is copied whatever the payload's size is"))
    }
    // Four bytes are never given away from an empty heap: the end itself is out of reach.
    guard count * 56 < setup.heapSize else {
      throw Stop(
        "Failed to allocate space for phdrs",
        evidence: "e_phnum \(count): 56 bytes each in a heap of \(hex(setup.heapSize))",
        rule: Decompressor.rule("the program headers are copied to the heap"))
    }
    let (end, overflow) = table.addingReportingOverflow(count * 56)
    guard !overflow, end <= outputSize else {
      throw Stop(
        misbehaves: "takes memory behind the payload for program headers",
        evidence: "e_phoff \(hex(table)), e_phnum \(count), payload \(hex(outputSize))",
        rule: Decompressor.rule("e_phoff is not compared with the payload's size, e_phentsize not read"))
    }
  }

  /// `handle_relocations`: backwards from the payload's end, 32-bit, inverse and 64-bit places, each list up to a zero word.
  /// Kernels from 6.15 on have no inverse list.
  func checkRelocations(_ payload: RawSpan) throws(Stop) {
    var lists: [(start: UInt64, end: UInt64)] = []
    var end = outputSize
    while lists.count < 3, end != tableStart || lists.count < 2 {
      guard let start = listStart(endingAt: end, payload) else {
        throw Stop(
          misbehaves: "takes words of the ELF file for places to relocate",
          evidence:
            "\(lists.count) of the lists between \(hex(tableStart)) and \(hex(outputSize)) begin with a zero word",
          rule: Decompressor.rule("a list ends at a zero word, wherever that is", "misc.c, handle_relocations"))
      }
      lists.append((start, end))
      end = start - 4
    }
    let kinds = lists.count == 3 ? ["32-bit", "inverse 32-bit", "64-bit"] : ["32-bit", "64-bit"]
    for (list, kind) in zip(lists, kinds) { try check(from: list.start, to: list.end, kind: kind, payload) }
  }

  private func listStart(endingAt end: UInt64, _ payload: RawSpan) -> UInt64? {
    var place = end
    while place >= tableStart + 4 {
      if payload.load(UInt32.self, at: place - 4) == 0 { return place }
      place -= 4
    }
    return nil
  }

  private func check(
    from start: UInt64, to end: UInt64, kind: String, _ payload: RawSpan
  ) throws(Stop) {
    let base = Decompressor.startKernelMap &+ setup.linkedAddress
    var place = end
    while place > start {
      place -= 4
      let word = payload.load(UInt32.self, at: place) ?? 0
      let address = UInt64(bitPattern: Int64(Int32(bitPattern: word)))
      guard address &- base <= relocatedSize else {
        throw Stop(
          "\(kind) relocation outside of kernel!",
          evidence: "the word at \(hex(place)) of the payload: \(hex(address)), not from \(hex(base)) to "
            + hex(base &+ relocatedSize),
          rule: Decompressor.rule(
            "a place lies between _text and __bss_start, unless the drawn slide is 0", "misc.c, handle_relocations"))
      }
    }
  }
}
