import AddressSpace
import Addresses
import BootProtocols
import Placement

extension Decompressor.Unpacking {
  func addDecisions(
    _ places: Decompressor.Slots<PhysicalAddress>, _ slides: Decompressor.Slots<VirtualAddress>,
    to prediction: inout LoadPlan
  ) {
    prediction.decisions.append(
      Decision(
        "unpacked at", choice: hex(output),
        because:
          "loaded at \(hex(setup.loadAddress)), aligned to \(hex(setup.alignment)), not below LOAD_PHYSICAL_ADDR "
          + hex(setup.linkedAddress)))
    prediction.decisions.append(
      Decision(
        "physical place", choice: Self.text(places) ?? hex(output), because: physicalReason(places.total)))
    prediction.decisions.append(
      Decision(
        "virtual place", choice: slides.total > 1 ? Self.text(slides) ?? "" : hex(slides.first?.value ?? 0),
        because: slides.total > 1
          ? "KASLR: \(hex(neededSize)) bytes end inside the window of \(hex(window))"
          : isRandomized ? "one slot fits the window of \(hex(window))" : fixedReason))
    prediction.decisions.append(
      Decision("bss", choice: "left as it is", because: "p_memsz is not read: the kernel clears its bss itself"))
  }

  private var fixedReason: String {
    hasTable ? "nokaslr is on the command line" : "no relocation table lies behind the ELF file"
  }

  private func physicalReason(_ total: UInt64) -> String {
    guard isRandomized else { return fixedReason }
    let source = setup.initSize == nil ? "taken from the payload: only a bzImage says it" : "of the bzImage"
    let room = "init_size \(hex(initSize)) \(source)"
    if options.hasTooMany { return "no KASLR: more than four memmap= regions" }
    return total > 0
      ? "KASLR: \(hex(neededSize)) bytes of usable memory outside what was handed over and the buffer; \(room)"
      : "Physical KASLR disabled: no suitable memory region!; \(room)"
  }

  /// "one of 4 slots from 0x4400000 to 0x4a00000".
  private static func text<Place>(_ slots: Decompressor.Slots<Place>) -> String? {
    guard slots.total > 0, let first = slots.first, let last = slots.last else { return nil }
    return "one of \(slots.total) slots from \(hex(first)) to \(hex(last))"
  }

  func addRemarks(
    _ moves: [Move], entry: UInt64, _ places: Decompressor.Slots<PhysicalAddress>,
    _ slides: Decompressor.Slots<VirtualAddress>, to prediction: inout LoadPlan
  ) {
    if let text = Self.text(places) {
      prediction.remarks.append(
        Remark(
          .unspecified, "The physical place is drawn: \(text).",
          rule: Decompressor.rule("each slot is as likely", "kaslr.c, find_random_phys_addr")))
    }
    if slides.total > 1, let text = Self.text(slides) {
      prediction.remarks.append(
        Remark(
          .unspecified, "The virtual place is drawn, and the words that the relocation table names with it: \(text).",
          rule: Decompressor.rule("each slot is as likely", "kaslr.c, find_random_virt_addr")))
    }
    if !moves.contains(where: { $0.piece.destination.contains(PhysicalAddress(truncating: entry)) }) {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "The entry \(hex(header.entry ?? 0)) lies in no segment's bytes.",
          rule: Decompressor.rule("e_entry - LOAD_PHYSICAL_ADDR is added to the place without a check")))
    }
    for move in moves where !request.machine.isUsable(move.piece.destination) {
      prediction.remarks.append(
        Remark(
          .outsideMemory,
          "Segment \(move.index) goes to \(hex(move.piece.destination)), which is not all usable memory.",
          rule: Decompressor.rule("the machine's memory is not looked at without KASLR", "misc.c, extract_kernel")))
    }
    for (position, move) in moves.enumerated() {
      let hit = moves[..<position].first { $0.piece.destination.overlaps(move.piece.destination) }
      guard let hit else { continue }
      prediction.remarks.append(
        Remark(
          .overlap, "Segment \(move.index) overwrites bytes of segment \(hit.index).",
          rule: Decompressor.rule("later headers win")))
    }
  }
}
