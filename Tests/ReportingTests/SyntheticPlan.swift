import AddressSpace
import Addresses
import BootProtocols
import Placement

/// A small plan whose every number is chosen here, so that expectations can be worked out by hand.
enum SyntheticPlan {
  static func make() throws -> LoadPlan {
    var plan = LoadPlan(
      loader: .perch, reading: "ELF64 x86-64",
      machine: MemoryMap(normalising: [
        .init(range: physical(0, 0x9_f000), kind: .usable),
        .init(range: physical(0x10_0000, 0xff0_0000), kind: .usable),
      ]), entering: entry)
    plan.pieces = pieces
    plan.blobs = [Blob(name: "page tables", bytes: [UInt8](repeating: 0, count: 0x5000))]
    plan.imageExtent = physical(0x100_0000, 0x60_0000)
    plan.addressSpace = try addressSpace()
    plan.pageTables = PageTableCost(framesByLevel: [1, 2, 1, 1])
    plan.slide = Slide(0x20_0000)
    plan.decisions = [
      Decision(
        "physical place", choice: "0x1000000", because: "the lowest free range that is large enough",
        rejected: [.init("0x200000", "the initrd lies there")]),
      Decision("stack", choice: "16 KiB", because: "the default"),
    ]
    plan.randomization = Randomization(seed: 42, physicalSlots: 512, virtualSlots: 1000)
    return plan
  }

  private static func physical(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count))
  }

  private static let pieces = [
    Piece(
      source: .image(FileRange(uncheckedStart: FileOffset(0x1000), count: ByteCount(0x40_0000))),
      destination: physical(0x100_0000, 0x40_0000), owner: "segment 0"),
    Piece(
      source: .image(FileRange(uncheckedStart: FileOffset(0x40_1000), count: ByteCount(0x1800))),
      destination: physical(0x140_0000, 0x1800), zeroFill: ByteCount(0x1f_e800), owner: "segment 1"),
    Piece(source: .blob(0), destination: physical(0x200_0000, 0x5000), owner: "page tables"),
    Piece(source: .module(0), destination: physical(0x800_0000, 0x10_0000), owner: "initrd"),
    Piece(source: .zero, destination: physical(0x900_0000, 0), zeroFill: ByteCount(0x4000), owner: "stack"),
  ]

  private static func addressSpace() throws -> AddressSpace {
    var space = AddressSpace(mode: .x86_64FourLevel)
    try space.add(intent(0xffff_ffff_8120_0000, 0x40_0000, 0x100_0000, .readExecute, "segment 0"))
    try space.add(intent(0xffff_ffff_8160_0000, 0x20_0000, 0x140_0000, .readWrite, "segment 1"))
    // One page off: 2 MiB pages cannot be used.
    try space.add(intent(0xffff_8880_0000_0000, 0x40_0000, 0x1000, .readWrite, "shifted"))
    try space.add(
      intent(0x1000, 0x1000, 0x1000, .readWriteExecute(because: .bootProtocol), "trampoline"))
    return space
  }

  private static func intent(
    _ virtual: UInt64, _ count: UInt64, _ physical: UInt64, _ access: Access, _ name: String
  ) -> MappingIntent {
    MappingIntent(
      virtual: VirtualRange(uncheckedStart: VirtualAddress(virtual), count: ByteCount(count)),
      physical: PhysicalAddress(physical), access: access, name: name)
  }

  private static var entry: LongModeState {
    var registers = LongModeState.GeneralRegisters()
    registers.rdi = 0x7000
    registers.rsp = 0xffff_8880_0010_0000
    return LongModeState(
      rip: VirtualAddress(0xffff_ffff_8120_0040), registers: registers, cr3: PhysicalAddress(0x200_0000),
      gdtBase: 0x6000, gdtLimit: 0x1f)
  }
}
