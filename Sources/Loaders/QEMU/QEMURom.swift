import AddressSpace
import Addresses
import BootProtocols
import Placement

/// A block that QEMU writes to memory at each reset (QEMU 7.2, hw/core/loader.c, struct Rom).
struct QEMURom {
  enum Contents {
    /// Bytes of the image, by file offset and count; zeros follow to the block's size.
    case image(start: UInt64, count: UInt64)
    case module(Int)
    case blob(Int)
    /// Bytes that QEMU brings along: its firmware, its device tree.
    case foreign
  }

  var name: String
  var address: UInt64
  var size: UInt64
  var contents: Contents

  /// The address after the last byte, modulo 2⁶⁴ as QEMU counts.
  var end: UInt64 { address &+ size }
}

/// The blocks of one machine.
struct QEMURomList {
  private(set) var roms: [QEMURom] = []

  mutating func add(_ rom: QEMURom) { roms.append(rom) }

  /// By address; among equals in the order in which they were added (rom_insert).
  var sorted: [QEMURom] {
    roms.enumerated()
      .sorted { ($0.element.address, $0.offset) < ($1.element.address, $1.offset) }
      .map { $0.element }
  }

  /// QEMU's no to blocks that overlap, said before the machine starts (rom_check_and_register_reset).
  var overlap: Refusal? {
    let sorted = sorted
    for (first, second) in zip(sorted, sorted.dropFirst()) where first.end > second.address {
      return Refusal(
        "Some ROM regions are overlapping", evidence: "\(first.description), \(second.description)",
        rule: Rule("no two blocks share a byte", source: "QEMU 7.2, hw/core/loader.c, rom_check_and_register_reset"))
    }
    return nil
  }

  /// What of the blocks arrives in memory, and remarks on what does not.
  func place(in memory: QEMUMemory, copied: Bool = false, as prediction: inout LoadPlan) {
    for rom in roms {
      if rom.isEmpty, !copied {
        prediction.remarks.append(
          Remark(
            .notZeroed, "\(rom.description) has no file bytes, so its zeros are not written",
            rule: Rule("a block without data is skipped", source: "QEMU 7.2, hw/core/loader.c, rom_reset")))
        continue
      }
      let arrived = memory.ranges.compactMap { rom.piece(in: $0) }
      prediction.pieces += arrived
      guard arrived.reduce(0, { $0 &+ $1.extent.count.value }) != rom.size, !rom.isForeign else { continue }
      prediction.remarks.append(
        Remark(
          .outsideMemory, "\(rom.description) is not all in memory; the rest is dropped silently",
          rule: Rule("a write to no memory is none", source: "QEMU 7.2, hw/core/loader.c, rom_reset")))
    }
  }
}

extension QEMURom {
  var description: String {
    "\(name) (0x\(String(address, radix: 16)) to 0x\(String(end, radix: 16)))"
  }

  fileprivate var isEmpty: Bool { if case .image(_, 0) = contents { true } else { false } }

  fileprivate var isForeign: Bool { if case .foreign = contents { true } else { false } }

  /// The part of the block that lies in a range of memory.
  fileprivate func piece(in range: PhysicalRange) -> Piece? {
    guard !isForeign, address < 1 << 56,
      let extent = PhysicalRange(
        start: PhysicalAddress(unchecked: address), count: ByteCount(min(size, (1 << 56) - address))),
      let part = extent.intersection(range)
    else { return nil }
    guard case .image(let start, let count) = contents else { return whole(in: part, of: extent) }
    let skipped = part.start.value - address
    let taken = min(count > skipped ? count - skipped : 0, part.count.value)
    let source: Piece.Source =
      taken == 0
      ? .zero
      : .image(FileRange(uncheckedStart: FileOffset(unchecked: start + skipped), count: ByteCount(taken)))
    return Piece(
      source: source, destination: PhysicalRange(uncheckedStart: part.start, count: ByteCount(taken)),
      zeroFill: ByteCount(part.count.value - taken), owner: name)
  }

  /// A module or a blob, which has no parts: it is there when its first byte is.
  private func whole(in part: PhysicalRange, of extent: PhysicalRange) -> Piece? {
    guard part.start == extent.start else { return nil }
    switch contents {
    case .module(let index): return Piece(source: .module(index), destination: extent, owner: name)
    case .blob(let index): return Piece(source: .blob(index), destination: extent, owner: name)
    case .image, .foreign: return nil
    }
  }
}
