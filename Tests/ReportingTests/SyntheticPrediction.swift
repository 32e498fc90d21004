import AddressSpace
import Addresses
import BootProtocols
import Loaders
import Placement
import Reporting

/// Small predictions whose every number is chosen here, so that expectations can be worked out by hand.
enum SyntheticPrediction {
  static let rule = Rule("segments lie below 4 GiB", source: "GRUB 2.06, multiboot_elfxx.c")
  static let request = LoaderRequest(
    machine: MemoryMap(normalising: [.init(range: physical(0x10_0000, 0xff0_0000), kind: .usable)]),
    modules: [.init(name: "initrd.img", size: ByteCount(0x1000))])

  static func physical(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(count))
  }

  static func segment(file: UInt64, at place: UInt64, count: UInt64, zeros: UInt64 = 0, owner: String = "segment 0")
    -> Piece
  {
    Piece(
      source: .image(FileRange(uncheckedStart: FileOffset(unchecked: file), count: ByteCount(count))),
      destination: physical(place, count), zeroFill: ByteCount(zeros), owner: owner)
  }

  /// Two segments that overlap, a module, a blob and zeros; one remark.
  static var full: LoadPlan {
    var prediction = LoadPlan(
      loader: .grubMultiboot, reading: "Multiboot, ELF32",
      machine: request.machine,
      entry: EntryState(
        mode: .protected32, address: 0x10_0010,
        registers: [
          .init("eax", 0x2bad_b002, "Multiboot magic"), .init(unspecified: "esp", "stack"),
        ]))
    prediction.pieces = [
      segment(file: 0x1000, at: 0x10_0000, count: 0x2000, zeros: 0x1000),
      segment(file: 0x4000, at: 0x10_1000, count: 0x800, owner: "segment 1"),
      Piece(source: .module(0), destination: physical(0x20_0000, 0x1000), owner: "module 0"),
      Piece(source: .blob(0), destination: physical(0x1_0000, 3), owner: "information"),
      Piece(source: .zero, destination: physical(0x30_0000, 0), zeroFill: ByteCount(0x4000), owner: "heap"),
    ]
    prediction.blobs = [Blob(name: "Multiboot information", bytes: [0x0a, 0, 0xff])]
    prediction.remarks = [Remark(.overlap, "segment 1 overwrites 0x800 bytes of segment 0", rule: rule)]
    prediction.decisions = [
      Decision("entry", choice: "0x100010", because: "e_entry lies in segment 0", rejected: [.init("0x10", "outside")])
    ]
    return prediction
  }

  static func loads(_ pieces: [Piece], entry: EntryState = EntryState(mode: .protected32, address: 0x10_0000))
    -> LoadPlan
  {
    var prediction = LoadPlan(loader: .qemuMultiboot, reading: "test", machine: request.machine, entry: entry)
    prediction.pieces = pieces
    return prediction
  }

  static func verdict(_ loader: LoaderName, _ outcome: LoaderOutcome, asks: Bool = true, isNamed: Bool = false)
    -> LoaderVerdict
  {
    LoaderVerdict(loader, outcome, isAddressed: asks, isNamed: isNamed)
  }

  static var refusal: LoaderOutcome {
    .refuses(Refusal("segment crosses 4 GiB border", evidence: "program header 1, p_paddr 0x100000000", rule: rule))
  }

  static var misbehaviour: LoaderOutcome {
    .misbehaves(Misbehaviour("corrupts its heap", evidence: "p_filesz 0x20 exceeds p_memsz 0x10", rule: rule))
  }
}
